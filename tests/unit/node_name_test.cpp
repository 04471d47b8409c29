// Node names: what stands before the @, and what after it.
#include "dist/node_name.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace epmd {
namespace {

TEST_CASE("a node name is split at its first @") {
    struct {
        std::string full;
        node_name expected;
    } const all[] = {
        {"a@lowry", {"a", "lowry"}},
        {"a@lowry.example.org", {"a", "lowry.example.org"}},
        {"a@127.0.0.2", {"a", "127.0.0.2"}},
        {"a@fd00::2", {"a", "fd00::2"}},
        {"a", {"a", ""}},
        {"a@", {"a", ""}},
        {"@lowry", {"", "lowry"}},
        {"@", {"", ""}},
        {"", {"", ""}},
        {"a@b@c", {"a", "b@c"}},
        {std::string("a\0b@c\0d", 7), {std::string_view("a\0b", 3), std::string_view("c\0d", 3)}},
    };
    for (const auto& one : all) {
        CAPTURE(one.full);
        CHECK(split_node_name(one.full) == one.expected);
    }
}

TEST_CASE("the parts of a node name view it") {
    const std::string full = "abc@lowry";
    const auto parts = split_node_name(full);
    CHECK(parts.alive_name.data() == full.data());
    CHECK(parts.host_part.data() == full.data() + 4);
}

} // namespace
} // namespace epmd
