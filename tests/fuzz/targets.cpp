#include "fuzz/targets.hpp"

#include "dist/cookie.hpp"
#include "dist/handshake.hpp"
#include "dist/node_name.hpp"
#include "doctor/erlang_term.hpp"
#include "doctor/inetrc.hpp"
#include "handover/snapshot.hpp"
#include "placement/command_line.hpp"
#include "placement/kernel.hpp"
#include "wire/cursor.hpp"
#include "wire/decode.hpp"
#include "wire/encode.hpp"
#include "wire/limits.hpp"
#include "wire/put.hpp"

#include <boost/crc.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace epmd::fuzz {
namespace {

void demand(bool is_kept, const char* promise) {
    if (!is_kept) {
        throw std::logic_error(promise);
    }
}

bool is_inside(std::string_view part, std::string_view whole) {
    return part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size();
}

void decode_and_encode(std::string_view message) {
    const auto decoded = wire::decode_request(message);
    if (!std::holds_alternative<wire::request>(decoded)) {
        return;
    }
    std::string encoded;
    wire::encode(std::get<wire::request>(decoded), encoded);
    demand(wire::frame(encoded) == wire::framing::complete, "what is encoded is one frame");
    demand(wire::decode_request(wire::request_of(encoded)) == decoded, "what is encoded decodes to the same");
}

constexpr char expected_letter = 'x';

void hear_and_answer(dist::handshake& with, std::string_view bytes) {
    with.receive(bytes);
    if (with.now() == dist::handshake::state::challenged) {
        dist::digest expected{};
        expected.fill(expected_letter);
        with.answer({}, expected);
        with.receive({}); // what came with the challenge
    }
}

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

void decode_request(std::string_view bytes) {
    if (wire::frame(bytes) == wire::framing::complete) {
        demand(wire::request_of(bytes).size() == bytes.size() - wire::length_prefix_bytes, "a frame is its request");
        decode_and_encode(wire::request_of(bytes));
    }
    if (bytes.size() <= wire::max_request_bytes) { // so that the fuzzer need not guess the length
        decode_and_encode(bytes);
    }
}

void handshake(std::string_view bytes) {
    dist::handshake at_once(dist::send_name{.name = "nonode@nohost"});
    dist::handshake one_by_one(dist::send_name{.name = "nonode@nohost"});
    hear_and_answer(at_once, bytes);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        hear_and_answer(one_by_one, bytes.substr(i, 1));
    }
    at_once.end();
    one_by_one.end();
    demand(at_once.is_over() && one_by_one.is_over(), "after the end a handshake is over");
    demand(at_once.now() != dist::handshake::state::challenged, "a challenge that is answered is not the end");
    if (bytes.size() > dist::handshake::max_received_bytes) {
        return;
    }
    demand(at_once.now() == one_by_one.now() && at_once.is_challenged() == one_by_one.is_challenged(),
           "how the bytes are cut makes no difference");
    if (at_once.now() == dist::handshake::state::failed) {
        demand(at_once.why() == one_by_one.why(), "nor to the reason");
    }
    if (at_once.is_challenged()) {
        demand(at_once.challenge() == one_by_one.challenge(), "nor to the name");
        demand(at_once.challenge().name.find('\n') == std::string::npos, "a name is one line");
    }
    if (at_once.now() == dist::handshake::state::connected) {
        demand(bytes.find(std::string(16, expected_letter)) != std::string_view::npos, "a proof was sent");
    }
}

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

void read_sock_diag(std::string_view bytes) {
    std::vector<socket_info> sockets;
    epmd::read_sock_diag(bytes, sockets);
    constexpr std::size_t least_message_bytes = 16 + 72; // a netlink header and an inet_diag_msg
    demand(sockets.size() <= bytes.size() / least_message_bytes, "each socket takes its bytes");
}

void read_snapshot(std::string_view bytes) {
    static_cast<void>(epmd::read_snapshot(bytes));
    std::string records;
    for (wire::cursor in(bytes); !in.has_failed();) {
        const auto record = in.take(in.u16());
        if (!in.has_failed()) {
            boost::crc_32_type sum;
            sum.process_bytes(record.data(), record.size());
            wire::put_integers(records, static_cast<std::uint32_t>(record.size()),
                               static_cast<std::uint32_t>(sum.checksum()));
            records.append(record);
        }
    }
    auto read = epmd::read_snapshot(records);
    if (!std::holds_alternative<snapshot>(read)) {
        return;
    }
    const registry before(std::move(std::get<snapshot>(read).table));
    std::string written;
    put_table(written, before);
    auto again = epmd::read_snapshot(written);
    demand(std::holds_alternative<snapshot>(again), "what is written can be read");
    const registry after(std::move(std::get<snapshot>(again).table));
    const auto rows_of = [](const registry& some) {
        std::vector<registration> all;
        for (const auto* one : some.all()) {
            all.push_back(*one);
        }
        std::sort(all.begin(), all.end(),
                  [](const auto& left, const auto& right) { return left.connection < right.connection; });
        return all;
    };
    demand(rows_of(before) == rows_of(after), "what is written is read as the same");
}

void node_name_of_command_line(std::string_view bytes) {
    for (const auto found : {epmd::node_name_of_command_line(bytes), node_name_of_environment(bytes)}) {
        if (!found) {
            continue;
        }
        demand(is_inside(*found, bytes), "a name is a view of what was read");
        demand(found->find('\0') == std::string_view::npos, "a name ends at a NUL");
        const auto parts = split_node_name(*found);
        demand(is_inside(parts.alive_name, *found), "an alive name is a part of the name");
        demand(parts.host_part.empty() || is_inside(parts.host_part, *found), "a host part is a part of the name");
    }
}

} // namespace epmd::fuzz
