# The steps of a Dockerfile's stage or of an Apptainer definition, carried out in a system's folder in place of the image.

# Runs a command in a system, with /proc and /dev of its own until it ends.
# inside ROOT FOLDER COMMAND [NAME=VALUE ...]
inside() {
  local root=$1 folder=$2 text=$3
  shift 3
  cp -L /etc/resolv.conf "$root/etc/resolv.conf"
  unshare --mount --pid --fork bash -c '
    set -e
    mount --make-rprivate /
    mount -t proc proc "$1/proc"
    mount --rbind /dev "$1/dev"
    exec chroot "$1" /usr/bin/env -i HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
      PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "${@:4}" /bin/bash -c "cd \"$2\" && $3"' \
    inside "$root" "$folder" "$text" "$@"
}

# A python with PyTorch for CPUs, as PyTorch's image has one for GPUs. This machine's pip fetches it.
pytorch() { # ROOT
  local fetch=(python3 -m pip download -q --python-version 3.11 --only-binary :all: -d "$1/opt/wheels")
  echo "== PyTorch for CPUs in place of PyTorch's image"
  "${fetch[@]}" torch==2.13.0+cpu numpy || "${fetch[@]}" --index-url https://download.pytorch.org/whl/cpu torch numpy || return 1
  # Ubuntu has that Python among its updates.
  sed 's/ jammy / jammy-updates /' "$1/etc/apt/sources.list" >"$1/etc/apt/sources.list.d/updates.list"
  inside "$1" / "apt-get update -qq && apt-get install -y -qq --no-install-recommends python3.11-venv >/dev/null && python3.11 -m venv /opt/python && \
    /opt/python/bin/pip install -q --no-index --find-links /opt/wheels torch numpy && \
    printf '#!/bin/sh\nexec /opt/python/bin/python \"\$@\"\n' >/usr/local/bin/python && chmod +x /usr/local/bin/python"
}

# docker_stage FILE STAGE ROOT BUILD: BUILD is the folder that stands for the stage `build`.
docker_stage() {
  local file=$1 stage=$2 root=$3 build=$4 line keyword rest current="" folder=/ path="" variables=()
  while IFS= read -r line; do
    keyword=${line%% *} rest=${line#* }
    [ "$keyword" = FROM ] && current=${rest##* AS }
    [ "$current" = "$stage" ] || continue
    echo "$stage: $line"
    case $keyword in
      FROM) ;;
      COPY)
        [[ $rest =~ ^--from=build\ ([^ ]+)\ ([^ ]+)$ ]] || { echo "COPY $rest is not understood" >&2; return 1; }
        mkdir -p "$root$(dirname "${BASH_REMATCH[2]}")"
        cp -a "$build${BASH_REMATCH[1]}" "$root${BASH_REMATCH[2]}"
        ;;
      RUN) inside "$root" "$folder" "$rest" "${variables[@]}" >/dev/null || return 1 ;;
      ENV) for word in $rest; do variables+=("${word/\$PATH//usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}"); done ;;
      WORKDIR) mkdir -p "$root$rest" && folder=$rest ;;
      CMD)
        inside "$root" "$folder" "$(tr -d '[],"' <<<"$rest")" "${variables[@]}" >/dev/null || return 1
        # A folder with recipes, as a user mounts it.
        inside "$root" "$folder" "cp -r /opt/segbench/Recipes . && segbench doctor | grep '^commit *[0-9a-f]'" "${variables[@]}" || return 1
        if [ "$stage" = cuda ]; then try_plugin "$root" "$folder" "${variables[@]}" || return 1; fi
        ;;
      *) echo "$keyword is not understood" >&2; return 1 ;;
    esac
  done < <(sed -e ':a' -e '/\\$/N; s/\\\n */ /; ta' "$file" | grep -vE '^(#|$)')
}

# A row by the plugin, on PyTorch's CPU.
try_plugin() {
  inside "$1" "$2" "segbench run meddinov3/table2/lits-nnu-net --profile quick --device torch | tail -n 1" "${@:3}"
}

# apptainer_definition FILE ROOT REPOSITORY
apptainer_definition() {
  local file=$1 root=$2 repository=$3 source target
  section() { sed -n "/^%$1/,/^%/p" "$file" | grep -v '^%' | sed 's/^    //'; }
  while read -r source target; do
    [ -z "$source" ] || cp -r "$repository/$source" "$root$target"
  done < <(section files)
  echo "$(basename "$file"): %post"
  inside "$root" / "set -e
$(section post)" >/dev/null || return 1
  { section environment; echo 'set -- doctor'; section runscript; } >"$root/opt/runscript"
  inside "$root" /opt/segbench "bash /opt/runscript | grep '^commit *[0-9a-f]'"
}
