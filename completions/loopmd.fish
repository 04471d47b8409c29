# Completion of fish for loopmd(8).

# The names that are registered.
function __loopmd_names
    timeout 2 (commandline -opc)[1] -names 2>/dev/null | string replace -rf '^name (.*) at port .*' '$1\ta registered name'
end

complete -c loopmd -f
complete -c loopmd -o port -x -d 'the epmd port'
complete -c loopmd -o address -x -d 'listen on these addresses, and on 127.0.0.1 and ::1'
complete -c loopmd -o daemon -d 'leave the terminal; returns when the port is served'
complete -c loopmd -o relaxed_command_check -d 'allow -kill while nodes are registered, and -stop'
complete -c loopmd -o systemd -d 'serve the sockets that systemd passes'
complete -c loopmd -s d -d 'log each request; given twice, the bytes as well'
complete -c loopmd -o debug -d 'the same as -d'
complete -c loopmd -o packet_timeout -x -d 'close a connection that sends nothing for so long'
complete -c loopmd -o delay_accept -x -d 'for tests: sleep before accepting, as a busy epmd would'
complete -c loopmd -o delay_write -x -d 'for tests: sleep before each reply'
complete -c loopmd -o names -d 'list the names that the running epmd has'
complete -c loopmd -o kill -d 'end the running epmd, if no node is registered or it is relaxed'
complete -c loopmd -o stop -xa '(__loopmd_names)' -d 'unregister a node by force, if the running epmd is relaxed'
complete -c loopmd -o started -d 'status 0 if an epmd is running, else 1; says nothing'
complete -c loopmd -o dump -d 'list also names no longer in use, for debugging'
complete -c loopmd -l listen -xa 'loopback all' -d 'who is served'
complete -c loopmd -l host -x -d 'name a host, or give it several addresses'
complete -c loopmd -l probe -xa 'yes no' -d 'whether a node may be asked for its name'
complete -c loopmd -l status -xa 'loopback all off' -d 'who sees the status page and all else over HTTP'
complete -c loopmd -l log-level -xa 'error warn info debug trace' -d 'what is logged'
complete -c loopmd -l config -rF -d 'read this file'
complete -c loopmd -l check-config -d 'read everything, say what was read, and leave'
complete -c loopmd -l check-snapshot -d 'read a table to be handed over, say whether it can be gone on with, and leave'
complete -c loopmd -l replace -d 'take the port from the epmd that has it, and serve the nodes that it had'
complete -c loopmd -l free-port -d 'end the epmd that has the port, if there is one, and leave'
complete -c loopmd -l exit-idle -x -d 'with -systemd: end when no node was registered for so long'
complete -c loopmd -l version -d 'print the version'
complete -c loopmd -l help -d 'print the flags'
