/* One of a crowd: as little of an Erlang VM as registers, and says its name in a distribution handshake. It is to be run as
 * a program called beam.smp, so that it looks like a VM; a real one would need 40 MB.
 *
 * beam.smp flag|word NAME@HOST [-sname NAME@HOST]
 *
 * `word`: nothing but its own word says where it belongs. Waits for the end of its standard input, registers, prints one
 * line "RESULT MICROSECONDS PORT" of the reply, and stays until it is killed. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { epmd_port = 4369, descriptors_of_a_vm = 20 };

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void read_whole(int from, unsigned char *to, size_t size) {
    while (size > 0) {
        const ssize_t got = read(from, to, size);
        if (got <= 0) {
            fail("read");
        }
        to += got;
        size -= (size_t)got;
    }
}

static unsigned char *put16(unsigned char *to, unsigned value) {
    *to++ = (unsigned char)(value >> 8);
    *to++ = (unsigned char)value;
    return to;
}

static unsigned char *put_text(unsigned char *to, const char *text, size_t size) {
    memcpy(to, text, size);
    return to + size;
}

static int64_t now_in_microseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* An ALIVE2_REQ of the alive name in the first `size` letters. */
static int register_at_epmd(const char *name, size_t size, unsigned port) {
    unsigned char message[600];
    unsigned char *end = put16(message, (unsigned)(13 + size));
    *end++ = 120;
    end = put16(end, port);
    *end++ = 77;
    *end++ = 0;
    end = put16(end, 6);
    end = put16(end, 5);
    end = put16(end, (unsigned)size);
    end = put_text(end, name, size);
    end = put16(end, 0);
    const struct sockaddr_in epmd = {
        .sin_family = AF_INET, .sin_port = htons(epmd_port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int connection = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(connection, (const struct sockaddr *)&epmd, sizeof epmd) != 0 ||
        write(connection, message, (size_t)(end - message)) != end - message) {
        fail("epmd");
    }
    return connection;
}

static void say_name(int asker, const char *node_name) {
    unsigned char message[600];
    read_whole(asker, message, 2);
    read_whole(asker, message + 2, (size_t)message[0] << 8 | message[1]);
    const size_t size = strlen(node_name);
    unsigned char *end = put_text(message, "\0\3sok", 5);
    end = put16(end, (unsigned)(19 + size));
    *end++ = 'N';
    memset(end, 0, 16);
    end = put16(end + 16, (unsigned)size);
    end = put_text(end, node_name, size);
    if (write(asker, message, (size_t)(end - message)) != end - message) {
        fail("asker");
    }
    close(asker);
}

int main(int count, char **words) {
    if (count < 3 || strchr(words[2], '@') == NULL) {
        fprintf(stderr, "beam.smp flag|word NAME@HOST\n");
        return 1;
    }
    const char *node_name = words[2];
    for (int i = 0; i < descriptors_of_a_vm; ++i) {
        dup(2);
    }
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};
    socklen_t size = sizeof here;
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (const struct sockaddr *)&here, size) != 0 || listen(listener, 8) != 0 ||
        getsockname(listener, (struct sockaddr *)&here, &size) != 0) {
        fail("listener");
    }
    puts("ready");
    fflush(stdout);
    char ignored;
    while (read(0, &ignored, 1) > 0) {
    }
    const int64_t began = now_in_microseconds();
    unsigned char reply[6];
    const size_t alive = (size_t)(strchr(node_name, '@') - node_name);
    read_whole(register_at_epmd(node_name, alive, ntohs(here.sin_port)), reply, sizeof reply);
    printf("%d %lld %d\n", reply[1], (long long)(now_in_microseconds() - began), ntohs(here.sin_port));
    fflush(stdout);
    for (;;) {
        const int asker = accept(listener, NULL, NULL);
        if (asker >= 0) {
            say_name(asker, node_name);
        }
    }
}
