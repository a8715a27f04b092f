# Puts `name` before each line that a process writes. Where it aborts because another process of the
# run died, XLA's C++ writes its log and its stack: one line stands for these.
dead { next }
/^F[0-9][0-9][0-9][0-9] .*Terminating process because the JAX distributed service/ {
  say("skeljax: another process of this run died; the same command goes on from the last checkpoint")
  dead = 1
  next
}
/^[EWI][0-9][0-9][0-9][0-9] .* (coordination_service(_agent)?|preemption_sync_manager)\.cc:/ { log_lines = 1; next }
# The rest of such a message: numbers of processes, and where the error came from.
log_lines && /^([0-9]+$|The tasks have crashed|Additional GRPC error|:UNKNOWN:|RPC: |$)/ { next }
{ log_lines = 0; say($0) }

function say(line) {
  print name line
  fflush()
}
