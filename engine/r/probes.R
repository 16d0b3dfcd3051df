# Tries to leave a sandbox, each way once. Base R, and perl and util-linux where they are. `outside`
# holds what there is to be found. For each way a line: TRUE got out, FALSE did not, NA not tried.

said <- function(name, out) cat("\n@", name, if (is.na(out)) "NA" else out, "\n")

try_way <- function(name, attempt) {
  out <- tryCatch(suppressWarnings(as.logical(attempt)[1L]), error = function(e) FALSE)
  said(name, if (length(out) == 0L) FALSE else out)
}

run <- function(command) system(paste0("{ ", command, "; } >/dev/null 2>&1")) == 0L

# NA where the machine lacks the program.
with_tool <- function(tool, command) if (run(paste("command -v", tool))) run(command) else NA

perl <- function(code) with_tool("perl", paste("perl -MSocket -e", shQuote(code)))

connects <- function(path) perl(sprintf(
  "socket(S, AF_UNIX, SOCK_STREAM, 0) && connect(S, pack_sockaddr_un(%s)) or exit 1", path))

status <- function(field) {
  lines <- readLines("/proc/self/status")
  sub("^[^:]*:\\s*", "", grep(paste0("^", field, ":"), lines, value = TRUE))
}

holds_secret <- function(path) {
  text <- tryCatch(readBin(path, raw(), 65536L), error = function(e) raw())
  length(grepRaw(outside$secret, text, fixed = TRUE)) > 0L
}

try_files <- function() {
  try_way("read_passwords", any(file.exists(outside$private)))
  ways <- paste0(c("", "/proc/1/root", "/proc/self/cwd/../../../../../../.."), outside$file)
  try_way("read_server_files", any(vapply(ways, holds_secret, NA)))
  try_way("list_server_files", length(list.files(outside$state)) > 2L)
  targets <- c(outside$targets, file.path(outside$control, "rtool-probe"))
  try_way("write_files", any(file.create(targets)))
}

try_kernel <- function() {
  try_way("be_root", !identical(unique(strsplit(status("Uid"), "\t")[[1L]]), outside$uid))
  caps <- vapply(c("CapEff", "CapPrm", "CapBnd", "CapAmb"), status, "")
  try_way("have_capabilities", !all(grepl("^0+$", caps)))
  try_way("gain_privileges", status("NoNewPrivs") != "1")
  try_way("call_all_of_kernel", if (outside$filter) status("Seccomp") != "2" else NA)
  try_way("remount", with_tool("mount", "mount -o remount,bind,rw /usr"))
  try_way("mount", with_tool("mount", "mount -t tmpfs none /tmp"))
  try_way("make_namespaces", with_tool("unshare", "unshare -Ur true"))
  fds <- setdiff(list.files("/proc/self/fd"), 0:4)
  kept <- Sys.readlink(file.path("/proc/self/fd", fds))
  try_way("keep_descriptors", any(!is.na(kept) & kept != "" & !grepl("^/proc/", kept)))
}

try_network <- function() {
  try_way("reach_port", {
    close(socketConnection("127.0.0.1", outside$port, timeout = 2))
    TRUE
  })
  try_way("reach_socket", connects(shQuote(outside$socket)))
  try_way("reach_abstract_socket", connects(sprintf("qq(\\0%s)", outside$name)))
}

try_processes <- function() {
  pids <- list.files("/proc", "^[0-9]+$")
  files <- file.path("/proc", pids, rep(c("environ", "cmdline"), each = length(pids)))
  try_way("see_processes", any(vapply(files, holds_secret, NA)))
  # Whether that did anything is seen outside.
  for (signal in c(0L, 15L, 9L)) tools::pskill(outside$decoy, signal)
  said("signal_processes", FALSE)
  run("(setsid sleep 600 </dev/null &)")
  said("survive", FALSE)
}
