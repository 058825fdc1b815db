# Ends what is left of a job. $keeper is the process that the first one waits for, which stays.
#
# A process belongs to the exec at the top of its ancestors: the only processes whose parent is outside of the
# container, which no program can pretend. One whose parents are gone belongs to the job whose mark it carries, if that
# still runs; if it carries none it belongs to nobody, and goes with whichever job ends next. It is repeated until a
# pass finds nothing, so that nothing escapes by starting others meanwhile.
#
# What processes are is read from `status`, where the kernel escapes the names that programs choose.
look() {
  state= up=
  while read -r key value _; do
    case $key in State:) state=$value;; PPid:) up=$value; return;; esac
  done 2> /dev/null < "/proc/$1/status"
}
mark_of() {
  mark=$(tr '\0\n' '\n ' 2> /dev/null < "/proc/$1/environ")
  case "$line_end$mark" in *"${line_end}MASSGEN_JOB="*) ;; *) mark=; return;; esac
  mark="$line_end$mark"
  mark=${mark##*"${line_end}MASSGEN_JOB="}
  mark=${mark%%"$line_end"*}
}
line_end='
'
sweep() {
  while :; do
    set -- "$1" /proc/[0-9]*
    # The first process, its keeper, and this shell.
    if [ "$#" -le 4 ]; then return; fi
    target=$1 found= others=
    shift
    for entry; do
      process=${entry#/proc/}
      case $process in 1|$$|$target) continue;; esac
      look "$process"
      if [ "$up" = 0 ]; then mark_of "$process"; others="$others ${mark:-none} "; fi
    done
    for entry; do
      process=${entry#/proc/}
      case $process in 1|$keeper|$$) continue;; esac
      look "$process"
      case $state in ''|Z|X) continue;; esac
      top=$process
      while :; do case $up in ''|0|1) break;; esac; top=$up; look "$top"; done
      case $up in
        '') found=1; continue;;
        0) case $top in $$|$target) ;; *) continue;; esac;;
        1) mark_of "$process"; case $others in *" ${mark:-nobody} "*) continue;; esac;;
      esac
      # What is gone already, or belongs to root where this does not, is nothing to wait for.
      if kill -9 "$process" 2> /dev/null; then found=1; fi
    done
    if [ -z "$found" ]; then return; fi
    set -- "$target"
  done
}
