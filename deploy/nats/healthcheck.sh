#!/bin/sh
# Health of NATS, and its restart after a failed write. Run by Docker in the container of NATS.
#
# NATS keeps the error of a failed write, such as that of a full disk: it refuses all later appends until it is restarted,
# also when there is room again. Docker restarts a container that ends, not one that is unhealthy. So a NATS that was
# healthy, is not any more, and has room on its disk, is ended. A restart needs a healthy NATS before the next one.

monitor=${NATS_MONITOR:-http://127.0.0.1:8222}
room=${NATS_DATA:-/data}/.room
was_healthy=${NATS_WAS_HEALTHY:-/tmp/was-healthy}  # not kept over a restart of the container

if wget -q -O /dev/null "$monitor/healthz"; then
  : > "$was_healthy"
  exit 0
fi
if [ -e "$was_healthy" ] && wget -q -O /dev/null "$monitor/healthz?js-enabled-only=true"; then
  if dd if=/dev/zero of="$room" bs=1048576 count=4 conv=fsync 2> /dev/null; then
    rm -f "$room" "$was_healthy"
    echo "NATS refuses to write since a write failed, and there is room again: restarting it"
    kill -TERM "${NATS_PID:-1}"
  fi
  rm -f "$room"
fi
exit 1
