/**
 * What code tries that is to leave a sandbox: a script of all ways at once, escapes aimed at what
 * lies outside, probes of one way each, and functions of R that need no shell.
 */

import { SECRET_PREFIX, type Witnesses } from "./witnesses.ts";

/** What the script says first. */
export const RAN = "the command runs";

/** What a probe prints that got out by its own account. */
export const OUT = "got out";

/**
 * Functions of R that find, read, write or reach by themselves. `SECRET` is a file outside, `DIR`
 * where it is, `CANARY` what is not there, `PORT` a port, and `OUT` what is said of a way out.
 */
const FUNCTIONS: readonly string[] = [
  "cat(readLines(SECRET))",
  "if (file.exists(SECRET) || !is.na(file.size(SECRET))) cat(OUT)",
  "if (length(list.files(DIR)) > 0) cat(OUT)",
  "normalizePath(SECRET, mustWork = TRUE); cat(OUT)",
  "read.csv(SECRET)",
  "cat(readLines(paste0('/proc/1/root', SECRET)))",
  "cat(readLines(paste0('/proc/self/root', SECRET)))",
  "file.symlink(SECRET, 'link'); cat(readLines('link'))",
  "file.copy(SECRET, 'copy'); cat(readLines('copy'))",
  "file.link(SECRET, 'hard'); cat(readLines('hard'))",
  "setwd(DIR); cat(readLines(basename(SECRET)))",
  "dput(1, file = CANARY)",
  "Rprof(CANARY); Rprof(NULL)",
  "sink(CANARY); print(1); sink()",
  "save.image(CANARY)",
  "png(CANARY); plot.new(); dev.off()",
  "file.create(CANARY)",
  "dir.create(CANARY)",
  "fifo(CANARY, 'w')",
  "file.rename('x', CANARY)",
  "writeLines('x', file.path('/proc/1/root', CANARY))",
  "attach(SECRET)",
  "load(SECRET)",
  "dyn.load(SECRET)",
  "readRDS(SECRET)",
  "close(socketConnection(port = PORT, timeout = 2)); cat(OUT)",
  "readLines(url(paste0('http://127.0.0.1:', PORT)))",
  "download.file(paste0('file://', SECRET), 'got'); cat(readLines('got'))",
];

/** One way, as R code. */
export interface Probe {
  readonly name: string;
  readonly code: string;
}

/**
 * R code after which the command `id` is a script that tries everything, and leaves a process that
 * sleeps. It writes to `dirs` beside the directory of the witnesses.
 */
export function withScript(at: Witnesses, seconds: number, dirs: readonly string[]): string {
  const script = [
    "#!/bin/sh",
    `echo ${RAN}`,
    `(env -i setsid sleep ${seconds} </dev/null >/dev/null 2>&1 &)`,
    `cd ${at.dir} && cat secret && ls`,
    `echo changed > ${at.dir}/victim`,
    ...dirs.map((dir) => `echo > ${dir}/rtool-canary`),
    `cat /proc/[0-9]*/environ | tr '\\0' '\\n' | grep ${SECRET_PREFIX}`,
    `perl -MSocket -e '${CONNECT}' ${at.port} ${at.dir}/socket ${at.abstract}`,
    `kill -9 ${at.pid}`,
    "/usr/bin/id -un",
  ].join("\n");
  return [
    `writeLines(${JSON.stringify(script)}, "id")`,
    'Sys.chmod("id", "755")',
    'Sys.setenv(PATH = paste0(getwd(), ":", Sys.getenv("PATH")))',
  ].join("\n");
}

const CONNECT = [
  "($port, $path, $name) = @ARGV",
  "socket(T, AF_INET, SOCK_STREAM, 0); connect(T, pack_sockaddr_in($port, INADDR_LOOPBACK))",
  'for ($path, "\\0$name") { socket(U, AF_UNIX, SOCK_STREAM, 0)',
  "connect(U, pack_sockaddr_un($_)) }",
].join("; ");

/** The same code, at what lies outside instead of what it names. */
export function aimed(code: string, at: Witnesses): string {
  return code
    .replace('normalizePath("/etc/passwd")', `if (file.exists("/etc/passwd")) cat("${OUT}")`)
    .replace("/etc/passwd", `${at.dir}/secret`)
    .replace('"/etc"', `"${at.dir}"`)
    .replace('setwd("/")', `setwd("${at.dir}"); cat("${OUT}")`)
    .replace("/tmp/x", `${at.dir}/x`)
    .replace("pskill(1)", `pskill(${at.pid}, 9)`)
    .replace("127.0.0.1/", `127.0.0.1:${at.port}/`);
}

/** Prints what begins as secrets do of whatever the files hold; code that looks for it has none. */
const SEARCH = `
  search <- function(files) for (file in files) {
    text <- tryCatch(suppressWarnings(readBin(file, raw(), 1e6)), error = function(e) raw())
    at <- grepRaw("${SECRET_PREFIX.replace("-", "[-]")}[0-9a-f-]{36}", text, value = TRUE)
    if (length(at) > 0L) cat(rawToChar(at), "\\n")
  }
  out <- function(is) if (any(is)) cat("${OUT}", "\\n")
  pids <- list.files("/proc", "^[0-9]+$")
`;

/** Writable memory of every process that is seen, in search of a secret. */
const SEARCH_MEMORY = `
for (glob "/proc/[0-9]*/maps") {
  my ($pid) = m{(\\d+)}; next if $pid == $$;
  open(my $maps, "<", $_) or next; open(my $mem, "<", "/proc/$pid/mem") or next;
  while (<$maps>) {
    next unless /^([0-9a-f]+)-([0-9a-f]+) rw/;
    my ($from, $bytes) = (hex $1, hex($2) - hex $1); next if $bytes > 1 << 28;
    sysseek($mem, $from, 0); sysread($mem, my $text, $bytes) or next;
    print "$1\\n" while $text =~ /(${SECRET_PREFIX.replace("-", "[-]")}[0-9a-f-]{36})/g;
  }
}`;

/** Numbers of ptrace(2). */
const PTRACE = Deno.build.arch === "aarch64" ? 117 : 101;

/** What functions of R do by themselves, at the witnesses. */
export function functionProbes(at: Witnesses): Probe[] {
  const [secret, canary] = [`${at.dir}/secret`, `${at.dir}/canary`];
  const names = `SECRET <- "${secret}"; DIR <- "${at.dir}"; CANARY <- "${canary}"
    PORT <- ${at.port}L; OUT <- "${OUT}"\n`;
  return FUNCTIONS.map((code) => ({ name: code, code: names + code }));
}

/** One way each, at the witnesses and at the server with this process id; one leaves a process. */
export function probes(at: Witnesses, server: number, seconds: number): Probe[] {
  const all: Record<string, string> = {
    "reads the users of the machine": 'cat(readLines("/etc/passwd"))',
    "lists the homes": 'out(length(list.files(c("/home", "/root"), all.files = TRUE)) > 0)',
    "reads a file of the server's user": `cat(readLines("${at.dir}/secret"))`,
    "reads it through the root of another process":
      `for (pid in pids) search(paste0("/proc/", pid, "/root${at.dir}/secret"))`,
    "reads it through a link": `file.symlink("${at.dir}/secret", "s"); cat(readLines("s"))`,
    "writes to the machine's /tmp": 'cat("x", file = "/tmp/rtool-canary")',
    "writes to /usr": 'cat("x", file = "/usr/rtool-canary")',
    "writes a file outside": `cat("x", file = "${at.dir}/victim")`,
    "makes /usr writable again":
      'system("mount -o remount,bind,rw /usr && echo > /usr/rtool-canary")',
    "mounts over it": 'out(system("mount -t tmpfs none /tmp", ignore.stderr = TRUE) == 0)',
    "makes a user namespace": 'out(system("unshare -Ur true", ignore.stderr = TRUE) == 0)',
    "traces a process": `out(system2("perl", c("-e",
      shQuote("exit(syscall(${PTRACE}, 0, 0, 0, 0) ? 1 : 0)"))) == 0)`,
    "connects to a port": `socketConnection("127.0.0.1", ${at.port}, timeout = 2)`,
    "connects to sockets": `system2("perl", c("-MSocket", "-e", shQuote('${CONNECT}'),
      ${at.port}, "${at.dir}/socket", "${at.abstract}"))`,
    "sees processes outside": `out(length(pids) > 4 || "${server}" %in% pids)`,
    "signals the server":
      `out(tools::pskill(${server}, 0)); tools::pskill(c(${server}, -${server}), 9)`,
    "signals a process outside": `for (n in c(0, 15, 9)) out(tools::pskill(${at.pid}, n))`,
    "signals everything": "tools::pskill(setdiff(-1:70000, Sys.getpid()), 9)",
    "has the server's environment": 'search("/proc/self/environ"); cat(unlist(Sys.getenv()))',
    "reads the environment of its parent":
      'search(paste0("/proc/", system("echo $PPID", intern = TRUE), "/environ"))',
    "reads the environment of the server": `search("/proc/${server}/environ")`,
    "reads the environment of all": 'search(file.path("/proc", pids, "environ"))',
    "reads the memory of all": `writeLines(${
      JSON.stringify(SEARCH_MEMORY)
    }, "m"); system("perl m")`,
    "reads the memory of the server":
      `out(file.exists(file.path("/proc", ${server}, c("mem", "maps", "fd"))))`,
    "writes into the pipes of other R": `
      for (fd in Sys.glob("/proc/[0-9]*/fd/*")) if (!grepl(paste0("/", Sys.getpid(), "/"), fd)) {
        try(cat("cat('injected')\\n", file = fd), silent = TRUE)
      }`,
    "leaves a process behind":
      `system("(env -i setsid sleep ${seconds} </dev/null >/dev/null 2>&1 &)"); Sys.sleep(0.1)`,
    "fills its /tmp": `writeBin(raw(3e8), "/tmp/big"); out(file.size("/tmp/big") > 2^28)`,
  };
  return Object.entries(all).map(([name, code]) => ({ name, code: `${SEARCH}\n${code}` }));
}
