// The hosts file: which names an address has.
#include "placement/hosts_file.hpp"
#include "support/addresses.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace epmd {
namespace {

using test::operator""_ip;
using names = std::vector<std::string>;

using table = std::map<address, names>;

hosts_file parsed(const std::string& text) {
    std::istringstream lines(text);
    return hosts_file::parse(lines);
}

TEST_CASE("an address has the names of its lines, in their order") {
    const auto file = parsed("127.0.0.1\tlocalhost\n"
                             "127.0.1.1\tsam.example.org sam\n"
                             "\n"
                             "# hosts of ours\n"
                             "127.0.0.2   lowry  # not 127.0.0.3 jill\n"
                             "  127.0.0.3 jill\n"
                             "127.0.0.2 lowry2\n"
                             "::1 localhost ip6-localhost\n"
                             "fd00::2 lowry");
    CHECK(file.names() == table{{"127.0.0.1"_ip, {"localhost"}},
                                {"127.0.1.1"_ip, {"sam.example.org", "sam"}},
                                {"127.0.0.2"_ip, {"lowry", "lowry2"}},
                                {"127.0.0.3"_ip, {"jill"}},
                                {"::1"_ip, {"localhost", "ip6-localhost"}},
                                {"fd00::2"_ip, {"lowry"}}});
}

TEST_CASE("an IPv4-mapped line is the IPv4 address's") {
    CHECK(parsed("::ffff:127.0.0.2 lowry").names() == table{{"127.0.0.2"_ip, {"lowry"}}});
}

TEST_CASE("a line that is not understood is passed over") {
    const auto file = parsed("lowry 127.0.0.2\n"
                             "127.0.0 jill\n"
                             "fe80::1%lo0 localhost\n"
                             "#127.0.0.4 old\n"
                             "127.0.0.5\n"
                             "127.0.0.6#comment lowry\n"
                             "\xff\xfe\n"
                             "127.0.0.3\tlast\r\n");
    CHECK(file.names() == table{{"127.0.0.3"_ip, {"last"}}});
}

TEST_CASE("an empty file has no names") {
    CHECK(parsed("") == hosts_file());
    CHECK(parsed("\n\n# nothing\n") == hosts_file());
}

TEST_CASE("a file is read, and one that cannot be is empty") {
    const test::temporary_directory folder;
    const auto file = folder.write("hosts", "127.0.0.2 lowry\n");
    CHECK(hosts_file::read(file) == parsed("127.0.0.2 lowry"));
    CHECK(hosts_file::read(folder.path() / "none") == hosts_file());
    CHECK(hosts_file::read(folder.path()) == hosts_file());
}

} // namespace
} // namespace epmd
