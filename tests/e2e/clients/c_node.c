/* A C node, by ei: registers, then sends back what it is sent, and connects to whom it is told to.
 *
 *   c_node ALIVE HOST ADDRESS COOKIE BIND          listens at BIND, says "ready", echoes {Pid, Term} until it is ended
 *   c_node ALIVE HOST ADDRESS COOKIE BIND PEER     asks PEER for node() by rpc instead, and says what it answers
 */
#include <arpa/inet.h>
#include <ei.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void require(int is_good, const char* what) {
    if (!is_good) {
        fprintf(stderr, "c_node: %s failed: erl_errno %d\n", what, erl_errno);
        exit(1);
    }
}

static int listen_at(const char* address, int* port) {
    struct sockaddr_in name = {.sin_family = AF_INET};
    socklen_t length = sizeof name;
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    require(inet_pton(AF_INET, address, &name.sin_addr) == 1, "inet_pton");
    require(bind(listener, (struct sockaddr*)&name, sizeof name) == 0 && listen(listener, 5) == 0, "listen");
    require(getsockname(listener, (struct sockaddr*)&name, &length) == 0, "getsockname");
    *port = ntohs(name.sin_port);
    return listener;
}

static void ask_for_its_name(ei_cnode* self, char* peer) {
    char answer[MAXATOMLEN_UTF8] = "";
    ei_x_buff arguments, reply;
    int index = 0;
    const int connection = ei_connect(self, peer);
    require(connection >= 0, "ei_connect");
    ei_x_new(&arguments);
    ei_x_encode_empty_list(&arguments);
    ei_x_new(&reply);
    require(ei_rpc(self, connection, "erlang", "node", arguments.buff, arguments.index, &reply) >= 0, "ei_rpc");
    require(ei_decode_atom(reply.buff, &index, answer) == 0, "ei_decode_atom");
    printf("%s\n", answer);
}

/* Serves one connection at a time until its peer leaves. */
static void echo_on(int connection) {
    erlang_msg message;
    ei_x_buff in;
    ei_x_new(&in);
    for (;;) {
        int kind, index = 0, version, arity, start;
        erlang_pid from;
        ei_x_buff out;
        in.index = 0;
        kind = ei_xreceive_msg(connection, &message, &in);
        if (kind == ERL_TICK) {
            continue;
        }
        if (kind != ERL_MSG) {
            break;
        }
        if (ei_decode_version(in.buff, &index, &version) != 0 || ei_decode_tuple_header(in.buff, &index, &arity) != 0 ||
            arity != 2 || ei_decode_pid(in.buff, &index, &from) != 0) {
            continue;
        }
        start = index;
        require(ei_skip_term(in.buff, &index) == 0, "ei_skip_term");
        ei_x_new_with_version(&out);
        ei_x_append_buf(&out, in.buff + start, index - start);
        require(ei_send(connection, &from, out.buff, out.index) == 0, "ei_send");
        ei_x_free(&out);
    }
    ei_x_free(&in);
    close(connection);
}

int main(int argc, char** argv) {
    char node_name[MAXNODELEN + 1];
    struct in_addr address;
    ei_cnode self;
    int port, listener;
    if (argc < 6) {
        fprintf(stderr, "usage: c_node ALIVE HOST ADDRESS COOKIE BIND [PEER]\n");
        return 2;
    }
    require(ei_init() == 0, "ei_init");
    snprintf(node_name, sizeof node_name, "%s@%s", argv[1], argv[2]);
    require(inet_pton(AF_INET, argv[3], &address) == 1, "inet_pton");
    require(ei_connect_xinit(&self, argv[2], argv[1], node_name, &address, argv[4], (short)getpid()) >= 0,
            "ei_connect_xinit");
    if (argc > 6) {
        ask_for_its_name(&self, argv[6]);
        return 0;
    }
    listener = listen_at(argv[5], &port);
    require(ei_publish(&self, port) >= 0, "ei_publish");
    printf("ready on port %d\n", port);
    fflush(stdout);
    for (;;) {
        ErlConnect peer;
        const int connection = ei_accept(&self, listener, &peer);
        if (connection >= 0) {
            echo_on(connection);
        }
    }
}
