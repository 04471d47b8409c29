// What somebody has written into a file.
#include "dist/cookie.hpp"
#include "doctor/erlang_term.hpp"
#include "doctor/inetrc.hpp"
#include "fuzz/demand.hpp"
#include "fuzz/targets.hpp"
#include "placement/hosts_file.hpp"

#include <algorithm>
#include <sstream>
#include <string>
#include <variant>

namespace epmd::fuzz {
namespace {

void write(const ctl::doctor::term& one, std::string& out) {
    using kind = ctl::doctor::term::kind;
    const bool is_list = one.is == kind::list;
    if (one.is == kind::integer) {
        out += std::to_string(one.number);
    } else if (one.is == kind::atom || one.is == kind::string) {
        const char quote = one.is == kind::atom ? '\'' : '"';
        out += quote;
        for (const char letter : one.text) {
            out += letter == quote || letter == '\\' ? "\\" : "";
            out += letter;
        }
        out += quote;
    } else {
        out += is_list ? '[' : '{';
        for (const auto& item : one.items) {
            out += &item == one.items.data() ? "" : ",";
            write(item, out);
        }
        out += is_list ? ']' : '}';
    }
}

} // namespace

void read_cookie(std::string_view bytes) {
    const auto read = dist::read_cookie(bytes);
    demand(dist::read_cookie(std::string(bytes) + "\n") == read, "another end of line changes nothing");
    if (const auto* found = std::get_if<dist::cookie>(&read)) {
        const auto& text = found->text();
        demand(!text.empty() && text.size() <= 255 && bytes.starts_with(text), "a cookie is what the file begins with");
        demand(text.find_first_of("\n\r\t") == std::string::npos, "a cookie is in one line");
        demand(dist::read_cookie(text) == read, "a cookie is read as itself");
    }
}

void read_hosts_file(std::string_view bytes) {
    const auto parsed = [](const std::string& text) {
        std::istringstream lines(text);
        return hosts_file::parse(lines);
    };
    const auto found = parsed(std::string(bytes));
    std::string written;
    for (const auto& [where, names] : found.names()) {
        demand(!names.empty(), "an address that counts has a name");
        for (const auto& name : names) {
            demand(name.find_first_of(" \t\n#") == std::string::npos, "a name is one word");
            written += to_string(where) + "\t" + name + "\n";
        }
    }
    demand(parsed(written) == found, "what is written is read as the same");
}

void read_inetrc(std::string_view bytes) {
    const auto terms = ctl::doctor::read_terms(bytes);
    std::string written;
    for (const auto& one : terms.good) {
        write(one, written);
        written += ".\n";
    }
    const auto again = ctl::doctor::read_terms(written);
    demand(again.is_complete && again.good == terms.good, "what is written is read as the same");
    const auto longer = ctl::doctor::read_terms(std::string(bytes) + "\na.");
    demand(longer.is_complete || !terms.is_complete, "another term leaves a file complete");
    demand(longer.good.size() == terms.good.size() + (terms.is_complete ? 1 : 0) || !terms.is_complete,
           "another term is one more");

    const auto rules = ctl::doctor::read_inetrc(bytes);
    demand(rules.is_understood || (rules.hosts.empty() && !rules.looks_in_files() && !rules.hosts_path),
           "a file that is not understood does not count");
    for (const auto& [where, names] : rules.hosts) {
        for (const auto& name : names) {
            const auto found = rules.addresses_of(name, !where.is_v4());
            demand(std::count(found.begin(), found.end(), where) == 1, "a host is found by each of its names, once");
        }
    }
}

} // namespace epmd::fuzz
