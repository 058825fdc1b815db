# Ends a job from outside: $2 is its mark.
target=
for entry in /proc/[0-9]*; do
  process=${entry#/proc/}
  look "$process"
  if [ "$up" = 0 ] && [ "$process" != 1 ] && [ "$process" != $$ ]; then
    mark_of "$process"
    if [ "$mark" = "$2" ]; then target=$process; fi
  fi
done
sweep "$target"
