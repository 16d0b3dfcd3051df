# Pages that are complete, as images on their way to the server. Part of worker.R, behind plots.R.

# Looks for pages that are complete.
pages_over <- function() {
  if (!painting && Sys.getpid() == pid) unseen(collect_pages())
}

# Nothing is drawn: only that there was a page is known.
count_page <- function(canvas) {
  if (canvas$page > 0L && !canvas$turns) return(NULL)
  canvas$page <- canvas$page + 1L
  plots_made <<- plots_made + 1L
  if (!is.null(canvas$problem)) for (variant in variants) send_image(variant, canvas$problem)
}

collect_pages <- function() {
  for (canvas in canvases) if (!canvas$blind) send_pages(canvas, is_open(canvas))
  canvases <<- canvases[vapply(canvases, is_open, FALSE)]
}

# The last page of a canvas is complete when it is closed.
send_pages <- function(canvas, open) {
  repeat {
    page <- canvas$page + 1L
    ready <- file.exists(page_file(canvas, page, 1L)) &&
      (!open || file.exists(page_file(canvas, page + 1L, 1L)))
    if (!ready || (page == 1L && !open && is_blank(canvas))) break
    canvas$page <- page
    plots_made <<- plots_made + 1L
    for (i in seq_along(variants)) send_image(variants[[i]], NULL, page_file(canvas, page, i))
  }
  if (!open) unlink(canvas$dir, recursive = TRUE)
}

# An SVG is begun with its device: with par() alone there is a file, but no page.
is_blank <- function(canvas) {
  if (variants[[1L]]$format != "svg") return(FALSE)
  shapes <- "<(rect|path|use|image|text|circle|line|poly|mask)"
  !any(grepl(shapes, readLines(page_file(canvas, 1L, 1L), 100L, warn = FALSE)))
}

# The one behind the bound is sent too: the server says what becomes of it.
send_image <- function(variant, problem, path = NULL) {
  if (plots_sent <= plots_max) {
    plots_sent <<- plots_sent + 1L
    head <- sprintf(
      "{\"kind\":\"plot\",\"page\":%d,\"format\":\"%s\",\"width\":%s,\"height\":%s,\"dpi\":%s}",
      plots_made, variant$format, variant$words[[2L]], variant$words[[3L]], variant$words[[4L]])
    send_item(head, function(out) {
      if (!is.null(problem)) stop(problem)
      if (!file.exists(path)) stop("R cannot draw the page again in this size and format")
      copy_bytes(path, out)
    })
  }
  if (!is.null(path)) unlink(path)
}

# The page that is about to be left, in the other ways that are wanted. A stop does not wait for it.
draw_again <- function(canvas) {
  if (canvas$blind || length(variants) < 2L || plots_sent > plots_max) return(NULL)
  page <- canvas$page + 1L
  while (file.exists(page_file(canvas, page + 1L, 1L))) page <- page + 1L
  if (!file.exists(page_file(canvas, page, 1L))) return(NULL)
  seed <- global[[".Random.seed"]]
  on_canvas(canvas, {
    shot <- devices()$recordPlot()
    for (i in seq_along(variants)[-1L]) {
      if (!file.exists(stop_file)) replay(shot, variants[[i]], page_file(canvas, page, i))
    }
  })
  if (!is.null(seed)) assign(".Random.seed", seed, envir = global)
  else if (!is.null(global[[".Random.seed"]])) rm(".Random.seed", envir = global)
}

replay <- function(shot, variant, path) {
  tryCatch({
    open_variant(variant, gsub("%", "%%", path, fixed = TRUE))
    number <- devices()$dev.cur()
    tryCatch(devices()$replayPlot(shot), finally = devices()$dev.off(number))
  }, error = function(e) unlink(path))
}

# At a job's end: what is drawn of the last page is a plot too.
finish_plots <- function() {
  unseen(collect_pages())
  if (asking) unseen(for (canvas in canvases) show_sketch(canvas)) else close_canvases()
  unseen(stop_watching())
}

# The user's own devices stay, and the one he draws on.
close_canvases <- function() {
  unseen({
    back <- if (length(canvases) > 0L) devices()$dev.cur()[[1L]]
    ours <- vapply(canvases, function(canvas) canvas$number, 0L)
    for (canvas in canvases) {
      draw_again(canvas)
      devices()$dev.off(canvas$number)
    }
    if (!is.null(back) && back > 1L && !(back %in% ours)) devices()$dev.set(back)
    collect_pages()
  })
  canvases <<- list()
}

wish_plots <- function(words, most) {
  plots_max <<- most
  variants <<- lapply(strsplit(words, " ", fixed = TRUE), function(words) {
    size <- as.numeric(words[-1L])
    list(format = words[[1L]], width = size[[1L]], height = size[[2L]], dpi = size[[3L]],
      words = words)
  })
}
