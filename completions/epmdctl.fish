# Completion of fish for epmdctl(1).

# What is said by the words before the cursor: the verb, the port, how many operands there are, and the command of exec, a line each.
function __epmdctl_read
    set -l words (commandline -opc)
    set -l verb
    set -l port
    set -l operands 0
    set -e words[1]
    while set -q words[1]
        set -l word $words[1]
        set -e words[1]
        switch $word
            case '--port=*'
                set port (string replace -- --port= '' $word)
            case --port
                set port $words[1]
                set -e words[1]
            case --timeout --cookie --cookie-from --cookie-to --cookie-file
                set -e words[1]
            case '-*'
            case '*'
                if not set -q verb[1]
                    set verb $word
                else
                    set operands (math $operands + 1)
                    test $verb != exec
                    or break
                end
        end
    end
    printf '%s\n' "$verb" "$port" $operands $words
end

# A flag may stand here of one of these verbs; of '', where there is none yet.
function __epmdctl_flag_of
    set -l line (__epmdctl_read)
    contains -- "$line[1]" $argv
    and not test "$line[1] $line[3]" = 'exec 1'
end

# The first operand of one of these verbs stands here, or the second of doctor.
function __epmdctl_operand_of
    set -l line (__epmdctl_read)
    contains -- "$line[1]" $argv
    and contains -- "$line[1] $line[3]" "$line[1] 0" 'doctor 1'
end

# The command of exec stands here, which has none with --print.
function __epmdctl_is_command
    set -l words (commandline -opc)
    set -l line (__epmdctl_read)
    test "$line[1] $line[3]" = 'exec 1'
    and not contains -- --print $words[1..(math (count $words) - (count $line[4..]))]
end

# What fish knows of it.
function __epmdctl_command
    set -l words (__epmdctl_read)[4..]
    test "$words[1]" != --
    or set -e words[1]
    complete --do-complete="$(string join -- ' ' (string escape -- $words) "$(commandline -ct)")"
end

# What a verb says of the epmd that the line is about. Silence, and soon, where none answers.
function __epmdctl_ask
    set -l program (commandline -opc)[1]
    set -l port (__epmdctl_read)[2]
    test -n "$port"
    and set -p argv --port $port
    timeout 2 $program $argv 2>/dev/null
end

# By their names, or else by an address. Nothing is to be run as if on this machine, which is there anyway.
function __epmdctl_hosts
    set -l verb (__epmdctl_read)[1]
    for row in (__epmdctl_ask hosts)
        set -l cells (string split \t -- $row)
        if test $verb != exec -o $cells[3] != machine
            test $cells[1] != -
            or set cells[1] (string split , -- $cells[2])[1]
            printf '%s\t%s\n' $cells[1..2]
        end
    end
end

function __epmdctl_nodes
    __epmdctl_ask nodes | string replace -r '\t.*' ''
end

set -l verbs hosts nodes status watch doctor exec wait wait-free inetrc etc-hosts reload upgrade

complete -c epmdctl -f
complete -c epmdctl -n '__epmdctl_operand_of ""' -a hosts -d 'list the hosts, with their addresses and how they came to be'
complete -c epmdctl -n '__epmdctl_operand_of ""' -a nodes -d 'list the nodes, of all hosts or of one, with their owners and what placed them'
complete -c epmdctl -n '__epmdctl_operand_of ""' -a status -d 'show the daemon: version, process, listeners, limits, counters'
complete -c epmdctl -n '__epmdctl_operand_of ""' -a watch -d 'follow nodes that come and go, one line each'
complete -c epmdctl -n '__epmdctl_operand_of ""' -a doctor -d 'find out why one node does not reach another'
complete -c epmdctl -n '__epmdctl_operand_of ""' -a exec -d 'run a command as if on a host'
complete -c epmdctl -n '__epmdctl_operand_of ""' -a wait -d 'wait until a node is registered'
complete -c epmdctl -n '__epmdctl_operand_of ""' -a wait-free -d 'wait until the name of a node is free'
complete -c epmdctl -n '__epmdctl_operand_of ""' -a inetrc -d 'print what a file for ERL_INETRC needs for the configured hosts'
complete -c epmdctl -n '__epmdctl_operand_of ""' -a etc-hosts -d 'print what /etc/hosts needs for the configured hosts'
complete -c epmdctl -n '__epmdctl_operand_of ""' -a reload -d 'have the daemon read its configuration again'
complete -c epmdctl -n '__epmdctl_operand_of ""' -a upgrade -d 'have the daemon become the program that is installed by now'

complete -c epmdctl -n "__epmdctl_flag_of '' $verbs" -l port -x -d 'the epmd port'
complete -c epmdctl -n "__epmdctl_flag_of '' $verbs" -l help -d 'print this'
complete -c epmdctl -n '__epmdctl_flag_of ""' -l version -d 'print the version'
complete -c epmdctl -n '__epmdctl_flag_of "" hosts nodes status watch doctor' -l json -d 'print JSON'
complete -c epmdctl -n '__epmdctl_flag_of doctor' -l cookie -x -d 'the cookie of both; - reads a line of standard input'
complete -c epmdctl -n '__epmdctl_flag_of doctor' -l cookie-from -x -d 'the cookie of FROM for TO; likewise'
complete -c epmdctl -n '__epmdctl_flag_of doctor' -l cookie-to -x -d 'the cookie of TO for FROM; likewise'
complete -c epmdctl -n '__epmdctl_flag_of doctor' -l cookie-file -rF -d 'has the cookie of both'
complete -c epmdctl -n '__epmdctl_flag_of doctor' -l no-cookie-test -d 'show nodes no cookie, and compare what is known of theirs'
complete -c epmdctl -n '__epmdctl_flag_of doctor' -l as-from -d 'ask TO under FROM\'s name, while FROM does not run'
complete -c epmdctl -n '__epmdctl_flag_of exec' -l print -d 'print the environment for a shell or direnv, and run nothing'
complete -c epmdctl -n '__epmdctl_flag_of exec' -l dial-from-anywhere -d 'let nodes dial from any address, as other machines need it'
complete -c epmdctl -n '__epmdctl_flag_of exec' -l keep-hostname -d 'leave the hostname as it is'
complete -c epmdctl -n '__epmdctl_flag_of wait wait-free' -l timeout -x -d 'how long to wait, in seconds'

complete -c epmdctl -n '__epmdctl_operand_of nodes exec' -a '(__epmdctl_hosts)'
complete -c epmdctl -n '__epmdctl_operand_of doctor wait wait-free' -a '(__epmdctl_nodes)'
complete -c epmdctl -n __epmdctl_is_command -a '(__epmdctl_command)'
