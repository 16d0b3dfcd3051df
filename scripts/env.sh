# Sourced by the other scripts: makes sure Deno and R are there, and puts them on PATH.
"$(dirname "${BASH_SOURCE[0]}")/setup" || return 1
if [ -x "${XDG_CACHE_HOME:-$HOME/.cache}/rtool/deno-2.7.11/bin/deno" ]; then
  export PATH="${XDG_CACHE_HOME:-$HOME/.cache}/rtool/deno-2.7.11/bin:$PATH"
fi
# Deno brings its own certificates; behind a proxy with one of its own, the system's are needed too.
export DENO_TLS_CA_STORE=${DENO_TLS_CA_STORE:-mozilla,system}
export DENO_NO_UPDATE_CHECK=1
