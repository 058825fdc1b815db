# Prints how often the container ran out of memory, with either version of control groups.
for file in /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control; do
  if [ -r "$file" ]; then
    while read -r key value _; do if [ "$key" = oom_kill ]; then echo "oom_kill $value"; fi; done < "$file"
  fi
done
