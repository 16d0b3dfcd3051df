# Plots: each page becomes an image, in each of the ways that are wanted. Part of worker.R.
#
# When something is to be drawn and no device is open, R calls what options(device = ) says: here it
# opens a canvas, an ordinary device that belongs to us. It keeps each page in a file of its own,
# and begins the file of a page when it has finished the page before. In other sizes or formats a
# page is drawn again, from the device's own record of it, when it is about to be left.

canvases <- list()                       # our open devices
canvases_opened <- 0L
variants <- list()                       # how pages are wanted; not at all: they are only counted
plots_max <- 0L                          # how many images are taken
plots_sent <- 0L
watching <- FALSE                        # our hooks are set
painting <- FALSE                        # we draw, and mean no hook of ours
own_dev_off <- NULL
watched_dev_off <- NULL

devices <- function() asNamespace("grDevices")

# What options(device = ) is, unless it says something else already.
take_device_option <- function() {
  device <- getOption("device")
  usual <- is.null(device) ||
    (isNamespaceLoaded("grDevices") && identical(device, devices()$pdf))
  if (usual) options(device = open_device)
}

# Sizes are ours to say, so what dev.new() is given has no say. A forked child draws nothing.
open_device <- function(...) {
  if (is.null(job) || Sys.getpid() != pid) draw_nowhere()
  else unseen(open_canvas())
  invisible()
}

draw_nowhere <- function() devices()$pdf(NULL)

# In the middle of the user's code: nothing is printed or warned of, and no interrupt cuts it short.
unseen <- function(work) {
  suspended <- .Internal(interruptsSuspended(TRUE))
  painted <- painting
  painting <<- TRUE
  on.exit({
    painting <<- painted
    .Internal(interruptsSuspended(suspended))
  })
  tryCatch(suppressWarnings(suppressMessages(work)), error = function(e) NULL)
  invisible()
}

open_canvas <- function() {
  collect_pages()    # of one the user has closed: its number may be given out again
  canvas <- new.env(parent = emptyenv())
  canvas$page <- 0L
  canvas$turns <- FALSE
  canvas$sketch <- asking
  if (!asking && length(variants) > 0L) canvas$problem <- start_drawing(canvas)
  canvas$blind <- asking || length(variants) == 0L || !is.null(canvas$problem)
  if (asking) start_sketch() else if (canvas$blind) draw_nowhere()
  canvas$number <- devices()$dev.cur()[[1L]]
  canvas$label <- device_label(canvas$number)
  canvases <<- c(canvases, canvas)
  watch_pages()
}

# A person draws on a plot over several jobs: the canvas stays open, and each job that has changed
# it makes an image of what it shows then.
start_sketch <- function() {
  size <- if (length(variants) > 0L) variants[[1L]] else list(width = 7, height = 7)
  devices()$pdf(NULL, size$width, size$height)
  devices()$dev.control("enable")
}

show_sketch <- function(canvas) {
  if (length(variants) == 0L) return(NULL)
  on_canvas(canvas, {
    shot <- devices()$recordPlot()
    if (is.null(shot[[1L]]) || identical(shot[[1L]], canvas$shown)) return(NULL)
    canvas$shown <- shot[[1L]]
    plots_made <<- plots_made + 1L
    for (i in seq_along(variants)) {
      path <- sprintf("%s/sketch-%d", dirname(stop_file), i)
      replay(shot, variants[[i]], path)
      send_image(variants[[i]], NULL, path)
    }
  })
}

on_canvas <- function(canvas, work) {
  back <- devices()$dev.cur()
  devices()$dev.set(canvas$number)
  on.exit(if (back > 1L) devices()$dev.set(back))
  work
}

# Before a job: a person's hooks are set again, anybody else begins on a canvas of his own.
resume_plots <- function() {
  if (asking) return(unseen(watch_pages()))
  if (aside) return(NULL)
  unseen(for (canvas in canvases) if (is_open(canvas)) devices()$dev.off(canvas$number))
  canvases <<- list()
}

# Why there are no images, or NULL.
start_drawing <- function(canvas) {
  canvases_opened <<- canvases_opened + 1L
  canvas$dir <- paste0(dirname(stop_file), "/plots", canvases_opened)
  tryCatch({
    dir.create(canvas$dir)
    open_variant(variants[[1L]], paste0(gsub("%", "%%", canvas$dir, fixed = TRUE), "/%05d-1"))
    if (length(variants) > 1L) devices()$dev.control("enable")
    NULL
  }, error = function(e) paste0("R cannot draw it: ", conditionMessage(e)))
}

open_variant <- function(variant, path) {
  if (variant$format == "svg") {
    devices()$svg(path, variant$width, variant$height, onefile = FALSE)
  } else {
    devices()$png(path, round(variant$width * variant$dpi), round(variant$height * variant$dpi),
      units = "px", res = variant$dpi, type = "cairo")
  }
}

page_file <- function(canvas, page, variant) sprintf("%s/%05d-%d", canvas$dir, page, variant)

# R's own list of devices: a name, and for those that write, the file.
device_label <- function(number) {
  all <- base[[".Devices"]]
  if (number <= length(all)) all[[number]]
}

is_open <- function(canvas) identical(device_label(canvas$number), canvas$label)

# The canvas that is R's current device.
maybe_canvas <- function(number) {
  for (canvas in canvases) if (canvas$number == number && is_open(canvas)) return(canvas)
  NULL
}

current_canvas <- function() maybe_canvas(devices()$dev.cur()[[1L]])

page_hooks <- function() {
  list(before.plot.new = before_plot, plot.new = page_begun, before.grid.newpage = before_grid,
    grid.newpage = page_begun)
}

watch_pages <- function() {
  watching <<- TRUE
  ours <- page_hooks()
  for (name in names(ours)) {
    set <- getHook(name)
    known <- vapply(set, identical, FALSE, ours[[name]])
    if (!any(known)) setHook(name, ours[[name]])
  }
  if (length(variants) > 0L && is.null(own_dev_off)) watch_closing()
}

stop_watching <- function() {
  ours <- page_hooks()
  for (name in names(ours)) {
    set <- getHook(name)
    known <- vapply(set, identical, FALSE, ours[[name]])
    if (any(known)) setHook(name, set[!known], "replace")
  }
  if (!is.null(own_dev_off) && identical(devices()$dev.off, watched_dev_off)) {
    replace_in_package("grDevices", "dev.off", own_dev_off)
  }
  own_dev_off <<- NULL
  watching <<- FALSE
}

# Nobody is told that a device is closed, and its record of the page is gone then. Its own words
# around ours, not ours around it: errors speak of the call dev.off().
watch_closing <- function() {
  own_dev_off <<- devices()$dev.off
  watched_dev_off <<- own_dev_off
  steps <- c(as.name("{"), bquote(on.exit(.(pages_over)())), bquote(.(before_closing)(which)),
    body(own_dev_off))
  body(watched_dev_off) <<- as.call(steps)
  replace_in_package("grDevices", "dev.off", watched_dev_off)
}

before_plot <- function(...) page_turns(asNamespace("graphics")$par("page"))
before_grid <- function(...) page_turns(TRUE)

# Something asks for a new plot; whether it needs a new page is known before it has it.
page_turns <- function(turns) {
  if (painting) return(invisible())
  if (Sys.getpid() != pid) {
    # What a child draws on a device of ours would end in our files.
    if (!is.null(current_canvas())) draw_nowhere()
    return(invisible())
  }
  unseen({
    canvas <- current_canvas()
    if (!is.null(canvas)) {
      canvas$turns <- turns
      if (turns && canvas$sketch) show_sketch(canvas) else if (turns) draw_again(canvas)
    }
  })
}

page_begun <- function(...) {
  if (painting || Sys.getpid() != pid) return(invisible())
  unseen({
    canvas <- current_canvas()
    if (!is.null(canvas) && canvas$blind && !canvas$sketch) count_page(canvas)
    collect_pages()
  })
}

before_closing <- function(number) {
  if (painting || Sys.getpid() != pid) return(invisible())
  unseen({
    canvas <- maybe_canvas(number)
    if (!is.null(canvas) && canvas$sketch) show_sketch(canvas)
    else if (!is.null(canvas)) draw_again(canvas)
  })
}
