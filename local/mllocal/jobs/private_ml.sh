#!/bin/sh
# Runs a command that sees the directory $1 as /opt/ml, in a mount namespace of its own (see sandbox.py).
# The file $3, where there is one, becomes its /etc/hosts.
# The rest of /opt stays visible: it is moved to $2 and bound back beside ml. No --fork: signals reach the command.
set -eu
ml=$1
stash=$2
hosts=$3
shift 3
if [ -e "$hosts" ] && [ -e /etc/hosts ]; then mount --bind "$hosts" /etc/hosts; fi
mount --rbind /opt "$stash"
mount -t tmpfs -o mode=0755 tmpfs /opt
for entry in "$stash"/*; do
    name=/opt/${entry##*/}
    [ -e "$entry" ] && [ "$name" != /opt/ml ] || continue
    if [ -d "$entry" ]; then mkdir "$name"; else : >"$name"; fi
    mount --rbind "$entry" "$name"
done
mkdir /opt/ml
mount --rbind "$ml" /opt/ml
exec "$@"
