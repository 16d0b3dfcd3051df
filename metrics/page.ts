/**
 * What one scrape is told: the values of metrics, put in by whoever knows them.
 */

import { type Distribution, familyText, type Sample } from "./exposition.ts";
import { FAMILIES, type FamilyName, type LabelsOf } from "./families.ts";

/** A page that is being written. */
export class Page {
  readonly #samples = new Map<FamilyName, Map<string, Sample>>();

  /**
   * Sets a value; the last one for the same labels holds. What is not known (`undefined`, null) is
   * left out.
   */
  set<Name extends FamilyName>(
    name: Name,
    value: number | Distribution | undefined | null,
    labels: LabelsOf<Name>,
  ): void {
    if (value === undefined || value === null) return;
    const values = FAMILIES[name].labels.map((label) => (labels as AnyLabels)[label] ?? "");
    const samples = this.#samples.get(name) ?? new Map<string, Sample>();
    this.#samples.set(name, samples.set(JSON.stringify(values), { labels: values, value }));
  }

  /** All that was set, in the order of the metrics. */
  text(): string {
    const names = Object.keys(FAMILIES) as FamilyName[];
    return names.map((name) => {
      return familyText(name, FAMILIES[name], [...this.#samples.get(name)?.values() ?? []]);
    }).join("");
  }
}

type AnyLabels = Readonly<Record<string, string>>;
