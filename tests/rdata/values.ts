/**
 * R expressions whose values stand for all there are: what every format is tested with.
 */

/** One value, by the R code that makes it. */
export interface Sample {
  readonly code: string;
  /** What it is, where the code does not say. */
  readonly name: string;
  /** Whether it is data: what is not, is read and named, and never written. */
  readonly data: boolean;
}

const ATOMS = [
  ...["NULL", "TRUE", "FALSE", "NA", "c(TRUE, NA, FALSE)", "logical()"],
  ...["1L", "-1L", "0L", "NA_integer_", "c(1L, NA, 3L)", "integer()", ".Machine$integer.max"],
  ...["-.Machine$integer.max", "1:10", "10:1", "1:100000", "rev(1:5)", "c(5L, 3L, 9L)", "-5:5"],
  ...["1", "-1.5", "0", "-0", "NA_real_", "NaN", "Inf", "-Inf", "c(1, NA, NaN, Inf, -Inf)"],
  ...["double()", ".Machine$double.xmax", ".Machine$double.xmin", ".Machine$double.eps"],
  ...["5e-324", "pi", "1/3", "0.1 + 0.2", "1e5", "123456", "1e15", "1e-5", "100000", "1234567.1"],
  ...["c(0.1, 0.12, 0.123)", "2^53", "2^53 + 2", "1e22", "1e23", "seq(0, 1, by = 0.1)", "1:3 / 7"],
  ...["as.numeric(1:10)", "seq(2, 20, by = 2)", "numeric(1000)", "c(1e-300, 1e300)", "-1e-10"],
  ...["1+2i", "complex()", "NA_complex_", "complex(real = NaN, imaginary = -Inf)", "c(0i, 1.5-2i)"],
  ...["raw()", "as.raw(0:255)", "as.raw(1)", "charToRaw('text')"],
  ...["'a'", "''", "NA_character_", "c('a', NA, '')", "character()", "'NA'", "c('x', 'y', 'x')"],
  ...["'é'", "'日本語'", "'\\U1F600'", "'a\\nb\\tc'", "'say \"hi\"'", "'back\\\\slash'", "'a,b;c'"],
  ...[
    "' leading and trailing '",
    "strrep('x', 10000)",
    "as.character(1:10)",
    "letters",
    "'\\001\\177'",
  ],
  ...["as.character(c(1.5, 1e10, NA))", "c('1', '2.5', 'Inf')", "'\\u2028'", "rep('ab', 1000)"],
  ...["iconv('é', 'UTF-8', 'latin1')", "sort(c(3, 1, 2))", "sort(c('b', 'a'))", "c(a = 1)"],
];

const ATTRIBUTED = [
  ...["c(a = 1, b = 2)", "c(x = TRUE, y = NA)", "c(a = 'x', b = 'y')", "c(a = 1L, 2L)"],
  ...[
    "structure(1:3, note = 'kept')",
    "structure(1, class = 'mine')",
    "structure('a', a = 1, b = 2)",
  ],
  ...["structure(1:2, class = c('one', 'two'))", "structure(list(1), class = 'rec')"],
  ...[
    "structure(1:4, a = structure(1, b = structure(2, c = 3)))",
    "structure(1:3, tsp = c(1, 3, 1), class = 'ts')",
  ],
  ...[
    "factor(c('a', 'b', 'a'))",
    "factor(c('a', NA))",
    "factor(character())",
    "addNA(factor(c('a', NA)))",
  ],
  ...[
    "factor(c('lo', 'hi'), levels = c('lo', 'hi'), ordered = TRUE)",
    "factor(1:3)",
    "factor(c(a = 'x'))",
  ],
  ...["factor('b', levels = c('a', 'b', 'c'))", "factor(c('é', 'z'))"],
  ...[
    "as.Date('2024-02-29')",
    "as.Date(c('1970-01-01', NA, '1900-03-01'))",
    "as.Date(character())",
  ],
  ...[
    "as.Date('2024-01-31') + 0:2",
    "as.Date(0.5, origin = '1970-01-01')",
    "as.Date(19000L, origin = '1970-01-01')",
  ],
  ...[
    "as.POSIXct('2024-01-31 12:34:56', tz = 'UTC')",
    "as.POSIXct(0, origin = '1970-01-01', tz = 'UTC')",
  ],
  ...["as.POSIXct(c(1.5, NA, -86400.25), origin = '1970-01-01', tz = 'UTC')"],
  ...[
    "as.POSIXct('2024-07-01 00:00:00', tz = 'America/New_York')",
    "as.POSIXct(numeric(), tz = 'UTC')",
  ],
  ...["as.POSIXlt('2024-01-31 12:34:56', tz = 'UTC')", "as.difftime(90, units = 'mins')"],
  ...["as.difftime(c(1, NA), units = 'days')", "as.difftime(1.5, units = 'secs')"],
  ...[
    "matrix(1:6, 2)",
    "matrix(c(1.5, NA, 3, 4), 2, byrow = TRUE)",
    "matrix('a', 1, 1)",
    "matrix(0, 0, 3)",
  ],
  ...[
    "matrix(0, 3, 0)",
    "matrix(1:4, 2, dimnames = list(c('r1', 'r2'), c('a', 'b')))",
    "matrix(TRUE, 2, 2)",
  ],
  ...[
    "matrix(1:4, 2, dimnames = list(NULL, c('a', 'b')))",
    "array(1:24, c(2, 3, 4))",
    "array(1:3, 3)",
  ],
  ...[
    "array(1:8, c(2, 2, 2), dimnames = list(a = c('x', 'y'), NULL, NULL))",
    "table(c('a', 'b', 'a'))",
  ],
  ...["numeric_version('1.2.3')", "I(1:3)", "noquote('a')", "as.hexmode(255)", "Sys.Date()[0]"],
];

const LISTS = [
  ...[
    "list()",
    "list(1)",
    "list(a = 1, b = 'x')",
    "list(1, 'a', TRUE)",
    "list(a = 1, 2)",
    "list(NULL)",
  ],
  ...["list(a = NULL, b = list())", "list(list(list(1)))", "list(x = list(y = list(z = 1:3)))"],
  ...[
    "list(a = 1:3, b = letters[1:3])",
    "list(a = NA, b = NaN)",
    "setNames(list(1, 2), c('a', 'a'))",
  ],
  ...["setNames(list(), character())", "Reduce(function(x, i) list(x), 1:100, 1)", "as.list(1:3)"],
  ...[
    "pairlist(a = 1, 2)",
    "pairlist(1)",
    "formals(function(x = 1, y = 'a') 1)",
    "structure(list(1, 2), dim = 1:2)",
  ],
  ...[
    "structure(list(a = 1), class = c('tbl', 'list'))",
    "list(f = factor('a'), d = as.Date('2024-01-01'))",
  ],
  ...[
    "unclass(as.POSIXlt('2024-01-31', tz = 'UTC'))",
    "list(raw = as.raw(1:3), z = 1i)",
    "as.list(c(a = 1, b = 2))",
  ],
];

const TIBBLE = "class = c('tbl_df', 'tbl', 'data.frame'), row.names = 1:2";

const FRAMES = [
  ...[
    "data.frame(a = 1:2, b = c('x', 'y'))",
    "data.frame()",
    "data.frame(a = integer())",
    "data.frame(row.names = 1:3)",
  ],
  ...[
    "data.frame(a = c(1.5, NA), b = c(NA, 'z'))",
    "data.frame(x = 1:2, row.names = c('r1', 'r2'))",
  ],
  ...[
    "data.frame(f = factor(c('u', 'v')), d = as.Date('2024-01-01') + 0:1)",
    "data.frame(`a b` = 1, check.names = FALSE)",
  ],
  ...[
    "data.frame(t = as.POSIXct(c(0, 0.5), origin = '1970-01-01', tz = 'UTC'))",
    "data.frame(l = I(list(1, 'a')))",
  ],
  ...[
    "data.frame(m = I(matrix(1:4, 2)))",
    "data.frame(a = 1:2, b = c(TRUE, NA))",
    "data.frame(s = 'quote\"comma,')",
  ],
  ...[
    "data.frame(s = 'two\\nlines')",
    "data.frame(z = 1:2 + 1i)",
    "data.frame(a = c(Inf, -Inf, NaN))",
  ],
  ...[
    "data.frame(d = as.difftime(1:2, units = 'hours'))",
    "head(mtcars, 3)",
    "iris[c(1, 51, 101), ]",
  ],
  ...[
    `structure(list(a = 1:2, b = c('x', 'y')), ${TIBBLE})`,
  ],
  ...[
    `structure(list(l = list(1:2, 'a')), ${TIBBLE})`,
  ],
  ...[
    "data.frame(x = 1:1000, y = as.numeric(1:1000) / 7)",
    "data.frame(a = 1:3)[c(3, 1), , drop = FALSE]",
  ],
  ...[
    "merge(data.frame(k = 1:2, a = 1), data.frame(k = 2:3, b = 2), all = TRUE)",
    "data.frame(é = 'ü')",
  ],
  ...[
    "data.frame(i = c(1L, NA), n = c(NA, 2), s = c(NA, 'b'), l = c(NA, TRUE))",
    "aggregate(x ~ g, data.frame(x = 1:4, g = c('a', 'b')), mean)",
  ],
];

/** Read over and named. */
const OPAQUE = [
  ...[
    "quote(x)",
    "quote(f(x, y + 1))",
    "y ~ x + z",
    "function(x) x",
    "compiler::cmpfun(function(x) x + 1)",
  ],
  ...[
    "globalenv()",
    "new.env()",
    "sum",
    "`if`",
    "expression(a, b + 1)",
    "setClass('P', representation(n = 'numeric'))(n = 1)",
  ],
  ...[
    "list(f = function() 1, n = 5)",
    "lm(mpg ~ wt, mtcars)",
    "asNamespace('stats')",
    "baseenv()",
    "emptyenv()",
  ],
  ...[
    "stats::median",
    "as.environment('package:stats')",
    "quote(if (a) b else c)",
    "list(e <- new.env(), e)",
  ],
];

/** Every sample. */
export const R_VALUES: readonly Sample[] = [
  ...[...ATOMS, ...ATTRIBUTED, ...LISTS, ...FRAMES].map((code) => sample(code, true)),
  sample("{ x <- '\\xff'; Encoding(x) <- 'bytes'; x }", true, "a string of bytes"),
  sample("{ x <- 1:3; attr(x, 'self') <- x; x }", true, "a vector that holds itself"),
  ...OPAQUE.map((code) => sample(code, false)),
];

/** What only this format tells from plainer values; its judge is R's `identical()` alone. */
export const R_FORMS: readonly Sample[] = [
  ...[
    "setClass('N', contains = 'numeric')(1.5)",
    "setClass('L', contains = 'list', representation(n = 'numeric'))(list(1, 'a'), n = 2)",
    "{ o <- options(scipen = 100); x <- as.character(c(1e5, 1e15, 1e-7)); options(o); x }",
    "{ o <- options(scipen = -9); x <- as.character(c(0, 100, 123456, 0.1)); options(o); x }",
    "as.character(c(1e5, 2e5, 123456789012345, 1e15, 1200000, 12300000))",
    "{ x <- '\\x80\\x9f'; Encoding(x) <- 'latin1'; x }",
    "{ x <- .Internal(wrap_meta(c(2, 1), NA, FALSE)); attr(x, 'note') <- 'kept'; x }",
    ".Internal(wrap_meta(as.raw(1:3), NA, FALSE))",
    ".Internal(wrap_meta(c(1i, 2i), NA, FALSE))",
    ".Internal(wrap_meta(c(TRUE, NA), NA, FALSE))",
    ".Internal(wrap_meta(c('b', 'a'), NA, FALSE))",
    "structure(pairlist(a = 1, b = 2), class = 'foo', note = 'x')",
    "expression(1, 'x')",
    "structure(expression(1, 2), note = 1)",
    "{ x <- as.list(1:3); names(x) <- c('a', NA, ''); x }",
    "complex(real = c(NA, 1), imaginary = c(1, NA))",
  ].map((code) => sample(code, true)),
  ...[
    "list(eval(parse(text = 'function(x) { x + 1 }', keep.source = TRUE)), 42)",
    "list(compiler::cmpfun(function(x, ...) for (i in x) switch(i, a = quote(b(c)), ..1)), 42)",
    "list(stats::nls, stats::nls, 42)",
    "{ e <- new.env(); e$self <- e; lockEnvironment(e); list(e, e, 42) }",
    "list((function(x) { g <- function() x; g })(stop('never')), 42)",
    "list((function(...) environment())(a = 1, b + 2), 42)",
  ].map((code) => sample(code, false)),
];

function sample(code: string, data: boolean, name = code): Sample {
  return { code, data, name };
}
