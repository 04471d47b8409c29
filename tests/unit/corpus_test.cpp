// Replays the fuzzers' corpora, and every input that once crashed one.
#include "fuzz/targets.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

namespace epmd {
namespace {

/// Feeds all files of a target's folders to it; gives how many there were.
std::size_t replay(const std::string& target, void (*feed)(std::string_view)) {
    std::size_t count = 0;
    for (const auto* suffix : {".in", ".repro"}) {
        const auto folder = std::filesystem::path(LOOPMD_FUZZ_FOLDER) / (target + suffix);
        if (!std::filesystem::exists(folder)) {
            continue; // nothing has crashed it yet
        }
        for (const auto& one : std::filesystem::directory_iterator(folder)) {
            const auto name = one.path().filename().string();
            CAPTURE(name);
            std::ifstream file(one.path(), std::ios::binary);
            const std::string content{std::istreambuf_iterator<char>(file), {}};
            CHECK_NOTHROW(feed(content));
            for (std::size_t size = 0; size < content.size(); ++size) {
                const auto cut = content.substr(0, size);
                CHECK_NOTHROW(feed(cut));
            }
            ++count;
        }
    }
    return count;
}

TEST_CASE("the corpus of conversations keeps its promises, whole and cut at every length") {
    CHECK(replay("conversation", fuzz::conversation) >= 9);
}

TEST_CASE("the corpus of replies keeps its promises, whole and cut at every length") {
    CHECK(replay("decode_reply", fuzz::decode_reply) >= 12);
}

TEST_CASE("the corpus of requests keeps its promises, whole and cut at every length") {
    CHECK(replay("decode_request", fuzz::decode_request) >= 20);
}

TEST_CASE("the corpus of handshakes keeps its promises, whole and cut at every length") {
    CHECK(replay("handshake", fuzz::handshake) >= 12);
}

TEST_CASE("the corpus of requests over HTTP keeps its promises, whole and cut at every length") {
    CHECK(replay("http_request", fuzz::http_request) >= 15);
}

TEST_CASE("the corpus of answers over HTTP keeps its promises, whole and cut at every length") {
    CHECK(replay("http_reply", fuzz::http_reply) >= 10);
}

TEST_CASE("the corpus of events keeps its promises, whole and cut at every length") {
    CHECK(replay("take_events", fuzz::take_events) >= 9);
}

TEST_CASE("the corpus of pages with hosts keeps its promises, whole and cut at every length") {
    CHECK(replay("hosts_page", fuzz::hosts_page) >= 9);
}

TEST_CASE("the corpus of configuration files keeps its promises, whole and cut at every length") {
    CHECK(replay("read_settings", fuzz::read_settings) >= 20);
}

TEST_CASE("the corpus of flags keeps its promises, whole and cut at every length") {
    CHECK(replay("read_flags", fuzz::read_flags) >= 20);
}

TEST_CASE("the corpus of cookie files keeps its promises, whole and cut at every length") {
    CHECK(replay("read_cookie", fuzz::read_cookie) >= 6);
}

TEST_CASE("the corpus of files for lookups keeps its promises, whole and cut at every length") {
    CHECK(replay("read_inetrc", fuzz::read_inetrc) >= 8);
}

TEST_CASE("the corpus of hosts files keeps its promises, whole and cut at every length") {
    CHECK(replay("read_hosts_file", fuzz::read_hosts_file) >= 8);
}

TEST_CASE("the corpus of snapshots keeps its promises, whole and cut at every length") {
    CHECK(replay("read_snapshot", fuzz::read_snapshot) >= 11);
}

TEST_CASE("the corpus of inheritances keeps its promises, whole and cut at every length") {
    CHECK(replay("read_inheritance", fuzz::read_inheritance) >= 10);
}

TEST_CASE("the corpus of passed descriptors keeps its promises, whole and cut at every length") {
    CHECK(replay("passed_in", fuzz::passed_in) >= 7);
}

TEST_CASE("the corpus of sock_diag answers keeps its promises, whole and cut at every length") {
    CHECK(replay("read_sock_diag", fuzz::read_sock_diag) >= 9);
}

TEST_CASE("the corpus of command lines keeps its promises, whole and cut at every length") {
    CHECK(replay("node_name_of_command_line", fuzz::node_name_of_command_line) >= 9);
}

TEST_CASE("the corpus of VMs keeps its promises, whole and cut at every length") {
    CHECK(replay("see_vm", fuzz::see_vm) >= 6);
}

} // namespace
} // namespace epmd
