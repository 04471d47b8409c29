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

TEST_CASE("the corpus of requests keeps its promises, whole and cut at every length") {
    CHECK(replay("decode_request", fuzz::decode_request) >= 20);
}

TEST_CASE("the corpus of handshakes keeps its promises, whole and cut at every length") {
    CHECK(replay("handshake", fuzz::handshake) >= 12);
}

TEST_CASE("the corpus of cookie files keeps its promises, whole and cut at every length") {
    CHECK(replay("read_cookie", fuzz::read_cookie) >= 6);
}

TEST_CASE("the corpus of files for lookups keeps its promises, whole and cut at every length") {
    CHECK(replay("read_inetrc", fuzz::read_inetrc) >= 8);
}

TEST_CASE("the corpus of snapshots keeps its promises, whole and cut at every length") {
    CHECK(replay("read_snapshot", fuzz::read_snapshot) >= 9);
}

TEST_CASE("the corpus of sock_diag answers keeps its promises, whole and cut at every length") {
    CHECK(replay("read_sock_diag", fuzz::read_sock_diag) >= 9);
}

TEST_CASE("the corpus of command lines keeps its promises, whole and cut at every length") {
    CHECK(replay("node_name_of_command_line", fuzz::node_name_of_command_line) >= 9);
}

} // namespace
} // namespace epmd
