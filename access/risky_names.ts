/**
 * Functions that do more with data than compute, and formals that hint at such.
 *
 * No list of this kind is whole: it catches what is registered by mistake, not what means harm.
 * What protects is that only registered functions are called, with data that fits their schemas.
 */

/** Refused unless the registry says `dangerous = true`. By the name without its package. */
export function whyDangerous(functionName: string): string | undefined {
  const name = functionName.replace(/^.*::/, "");
  return DANGERS.find(([, names]) => names.has(name))?.[0];
}

/** Formals a registry check warns about, and why. */
export const RISKY_FORMALS: ReadonlyMap<string, string> = new Map([
  ...say("takes a function, also by its name", ["FUN", "f", "fn", "FUNC", "func", "handler"]),
  ...say("takes a formula, which is code, also as text", ["formula", "model", "subset"]),
  ...say("names a file, a connection or a command", ["file", "filename", "path", "con", "cmd"]),
  ...say("names a file, a connection or a command", ["description", "command", "pipe", "input"]),
  ...say("is fetched from wherever it says", ["url", "URL"]),
  ...say("takes code", ["expr", "exprs", "expression", "text", "code", "what", "quote"]),
  ...say("says where code is run", ["envir", "env", "enclos", "where", "frame", "pos"]),
  ...say("hands on whatever else is given: register only what you know", ["..."]),
]);

function* say(why: string, names: readonly string[]): Generator<[string, string]> {
  for (const name of names) yield [name, why];
}

const DANGERS: readonly (readonly [why: string, names: ReadonlySet<string>])[] = [
  [
    "it runs code",
    words(`
    eval evalq eval.parent eval_tidy local with within subset transform parse parse_expr str2lang
    str2expression source sys.source Recall delayedAssign makeActiveBinding as.function as.call call
    body<- formals<- environment<- substitute bquote quote expression trace untrace
    reg.finalizer tryCatch withCallingHandlers globalCallingHandlers Rscript
    knit knit_child render sweave Sweave glue glue_data run_examples example demo cmpfun compile
    unserialize readRDS load attach loadRDS yaml.load curve system.time`),
  ],
  [
    "it calls a function by its name",
    words(`
    do.call exec invoke match.fun match.call get get0 mget getAnywhere getFunction getExportedValue
    dynGet Reduce Filter Map Find Position sapply lapply vapply mapply tapply apply rapply
    eapply outer sweep aggregate by ave Vectorize combn map map2 pmap walk reduce
    optim optimize optimise nlm uniroot integrate nlminb boot mclapply parLapply clusterCall`),
  ],
  [
    "it takes a formula, also as text",
    words(`
    formula as.formula model.frame model.frame.default model.matrix lm glm aov nls loess terms
    reformulate update xtabs ftable aes_string`),
  ],
  [
    "it reads or writes files, or starts programs",
    words(`
    system system2 shell shell.exec pipe fifo file url gzfile bzfile xzfile unz socketConnection
    readLines writeLines readBin writeBin readChar writeChar scan cat sink dput dget dump save
    saveRDS save.image write write.table write.csv read.table read.csv read.csv2 read.delim
    read.fwf fread fwrite fromJSON read_csv download.file unlink file.remove file.rename file.copy
    file.create file.append file.symlink file.link dir.create list.files list.dirs normalizePath
    Sys.glob Sys.chmod Sys.umask Sys.setenv Sys.unsetenv Sys.getenv setwd getwd Rprof Rprofmem
    browseURL browser edit fix vi emacs pico xedit file.show file.edit pdf png jpeg tiff bmp svg
    postscript xfig bitmap pictex cairo_pdf cairo_ps dev.print dev.copy savePlot install.packages
    untar unzip tar zip pskill mcfork mcparallel quit q`),
  ],
  [
    "it changes or opens R itself",
    words(`
    assign library require requireNamespace loadNamespace attachNamespace unloadNamespace detach
    dyn.load dyn.unload library.dynam .C .Call .Fortran .External .External2 .Internal .Primitive
    options environment as.environment globalenv baseenv topenv parent.env parent.frame sys.function
    sys.frames pos.to.env asNamespace getNamespace getFromNamespace assignInNamespace
    assignInMyNamespace unlockBinding lockBinding rm remove setClass setMethod setGeneric
    setRefClass structure attr<- attributes<- class<- oldClass<-`),
  ],
];

function words(text: string): ReadonlySet<string> {
  return new Set(text.trim().split(/\s+/));
}
