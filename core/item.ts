/**
 * What goes into a job beside its code, and what it hands over beside its output.
 *
 * Part of the words of job.ts.
 */

/** One way to draw a plot. */
export interface PlotVariant {
  readonly format: "png" | "svg";
  /** In inches. */
  readonly width: number;
  /** In inches. */
  readonly height: number;
  /** Pixels per inch of a PNG. */
  readonly dpi: number;
}

/** What is wanted of a job beside its output. */
export interface JobWants {
  /** The last value, in R's serialization format; nothing is autoprinted then. */
  readonly value: boolean;
  /** Each page in each of these; none: plots are only counted. */
  readonly plots: readonly PlotVariant[];
  /** Paths in the session's directory, given out at the end. */
  readonly files: readonly string[];
}

/** Wants nothing but the output. */
export const NO_WANTS: JobWants = { value: false, plots: [], files: [] };

/** How R is to treat the code. */
export interface JobMode {
  /** Print the source with the output, as `R < file` does. */
  readonly echo: boolean;
  /** Name of the script in source references, which are kept then. */
  readonly lines: string | undefined;
  /**
   * A person is there: `readline()` asks it by a `prompt` event and reads the job's input, and code
   * that is incomplete is not run.
   */
  readonly interactive: boolean;
  /** The user's `.Last.value` stays as it is. */
  readonly aside: boolean;
}

/** As Rscript treats it. */
export const BATCH_MODE: JobMode = {
  echo: false,
  lines: undefined,
  interactive: false,
  aside: false,
};

/** What becomes of bytes that come with a job, before its code runs. */
export type UploadTarget =
  | {
    readonly kind: "file";
    /** Below the session's directory. */
    readonly path: string;
  }
  | {
    /** A value in R's serialization format, bound to a name in the global environment. */
    readonly kind: "data";
    readonly name: string;
  }
  | {
    /** A list in R's serialization format: the arguments of {@linkcode JobRequest.call}. */
    readonly kind: "arguments";
  };

/** Bytes that come with a job. */
export interface Upload {
  readonly target: UploadTarget;
  /** How many bytes they are. */
  readonly bytes: number;
  /** File that holds them, on the server; unknown to its clients. */
  readonly path: string | undefined;
}

/** What a job hands over. */
export type Item =
  | { readonly kind: "value" }
  | (PlotVariant & {
    readonly kind: "plot";
    /** Counted from 1 in each job. */
    readonly page: number;
  })
  | { readonly kind: "file"; readonly path: string };

/** Bounds of what a job may hand over. */
export interface ItemBounds {
  /** Bytes of the value. */
  readonly valueMax: number;
  /** Plots, each variant counted. */
  readonly plotsMax: number;
  /** Bytes of one plot. */
  readonly plotSizeMax: number;
  /** Bytes of all files together. */
  readonly filesMax: number;
}
