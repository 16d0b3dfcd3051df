/**
 * Numbers as R writes them: up to 15 significant digits, fixed or scientific, whichever is shorter.
 *
 * Knows no missing values and no vectors.
 */

/** What R takes a double to hold in decimal: `DBL_DIG`. */
const DIGITS_MAX = 15;

/** Smaller numbers have fewer bits, `DBL_MIN`. */
const NORMAL_MIN = 2 ** -1022;

/** No double has more decimals than this before a digit that could break a tie. */
const TIE_DIGITS = 60;

/**
 * The number as `as.character()` and `write.csv()` have it: `1e+05`, `123456`, `0.1`, `-Inf`.
 *
 * Fixed notation may be longer than the other by `scipen` characters, R's option.
 */
export function numberText(number: number, scipen = 0): string {
  if (!Number.isFinite(number)) return isNaN(number) ? "NaN" : number > 0 ? "Inf" : "-Inf";
  const magnitude = Math.abs(number);
  const sign = number < 0 ? "-" : "";
  if (scipen !== 0) return sign + shorterText(magnitude, scipen);
  if (Number.isInteger(number) && isShortest(magnitude)) return String(number);
  const shortest = String(magnitude);
  // Up to fifteen digits and a point: fixed notation is five characters shorter than any other.
  if (magnitude >= 1 && magnitude < 1e15 && shortest.length <= 16 && shortest.includes(".")) {
    return sign + shortest;
  }
  return sign + (findRounded(magnitude, shortest) ?? shorterText(magnitude, 0));
}

/** Whether a whole number has at most fifteen digits, and not enough zeros to leave out. */
function isShortest(magnitude: number): boolean {
  return magnitude < 1e5 || (magnitude < 1e15 && magnitude % 1e5 !== 0);
}

/** The usual case of many digits, where fixed notation with all fifteen is the shorter. */
function findRounded(magnitude: number, shortest: string): string | undefined {
  // Only a sixteenth digit that is the last, and a 5, can be a tie.
  if (!(magnitude >= 1e-4 && magnitude < 1e14) || shortest.endsWith("5")) return undefined;
  if (shortest.length <= DIGITS_MAX + 1) return undefined;
  const text = magnitude.toPrecision(DIGITS_MAX);
  return text.endsWith("0") ? undefined : text;
}

/** Both parts as R has them together: rounded at the same decimal, `1.5-2i`. */
export function complexText(real: number, imaginary: number): string {
  const largest = Math.max(...[real, imaginary].filter(Number.isFinite).map(Math.abs), 0);
  const [re, im] = [roundBeside(real, largest), roundBeside(imaginary, largest)];
  return `${numberText(re)}${im < 0 ? "" : "+"}${numberText(im)}i`;
}

function shorterText(magnitude: number, scipen: number): string {
  const [digits, exponent] = significantDigits(magnitude);
  const count = digits.length;
  const decimals = Math.max(0, count - exponent - 1);
  const whole = Math.max(1, exponent + 1);
  const fixedWidth = whole + (decimals > 0 ? decimals + 1 : 0);
  const exponentDigits = Math.abs(exponent) >= 100 ? 3 : 2;
  const scientificWidth = count + (count > 1 ? 1 : 0) + 2 + exponentDigits;
  if (fixedWidth <= scientificWidth + scipen) {
    // Beyond fifteen digits C goes on with the digits that the double has.
    return exponent < DIGITS_MAX
      ? fixedText(digits, exponent)
      : String(BigInt(roundHalfEven(magnitude)));
  }
  const mantissa = count > 1 ? `${digits[0]}.${digits.slice(1)}` : digits;
  const power = String(Math.abs(exponent)).padStart(2, "0");
  return `${mantissa}e${exponent < 0 ? "-" : "+"}${power}`;
}

function fixedText(digits: string, exponent: number): string {
  if (exponent < 0) return `0.${"0".repeat(-exponent - 1)}${digits}`;
  if (digits.length <= exponent + 1) return digits.padEnd(exponent + 1, "0");
  return `${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`;
}

function roundHalfEven(magnitude: number): number {
  const floor = Math.floor(magnitude);
  const isDown = magnitude - floor === 0.5 && floor % 2 === 0;
  return isDown ? floor : Math.round(magnitude);
}

/** The fewest digits that are the number to fifteen of them, and the power of ten of the first. */
function significantDigits(magnitude: number): [digits: string, exponent: number] {
  let text = magnitude.toExponential();
  let at = text.indexOf("e");
  // The smallest numbers are told apart by few digits; R writes fifteen all the same.
  if (at > DIGITS_MAX + 1 || magnitude < NORMAL_MIN) {
    text = isTieBelow(magnitude, text, at)
      ? text.slice(0, at - 1) + text.slice(at)
      : magnitude.toExponential(DIGITS_MAX - 1);
    at = text.indexOf("e");
  }
  const digits = (text[0]! + text.slice(2, at)).replace(/0+$/, "");
  return [digits || "0", Number(text.slice(at + 1))];
}

/** Whether C rounds down here, to the even digit, where JavaScript rounds up. */
function isTieBelow(magnitude: number, text: string, end: number): boolean {
  if (end !== DIGITS_MAX + 2 || text[end - 1] !== "5" || Number(text[end - 2]) % 2 === 1) {
    return false;
  }
  return /^.{17}0*e/.test(magnitude.toExponential(TIE_DIGITS));
}

function roundBeside(number: number, largest: number): number {
  if (!Number.isFinite(number) || largest === 0) return number;
  const decimals = DIGITS_MAX - Math.floor(Math.log10(largest)) - 1;
  if (decimals > 100) return number;
  if (decimals >= 0) return Number(number.toFixed(decimals));
  const unit = 10 ** -decimals;
  return Math.round(number / unit) * unit;
}
