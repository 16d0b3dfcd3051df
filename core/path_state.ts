/**
 * Whether there is something at a path. What may not be looked at is not there.
 */

/** Whether something has this name, be it a link that leads nowhere. */
export function exists(path: string): boolean {
  return succeeds(() => Deno.lstatSync(path));
}

/** Whether the path leads to something, through links too. */
export function resolves(path: string): boolean {
  return succeeds(() => Deno.statSync(path));
}

function succeeds(look: () => void): boolean {
  try {
    look();
    return true;
  } catch {
    return false;
  }
}
