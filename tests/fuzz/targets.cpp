#include "fuzz/targets.hpp"

#include "dist/handshake.hpp"
#include "dist/node_name.hpp"
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
    at_once.receive(bytes);
    dist::handshake one_by_one(dist::send_name{.name = "nonode@nohost"});
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        one_by_one.receive(bytes.substr(i, 1));
    }
    at_once.end();
    one_by_one.end();
    demand(at_once.is_over() && one_by_one.is_over(), "after the end a handshake is over");
    const bool is_too_long = bytes.size() > dist::handshake::max_received_bytes;
    if (at_once.now() != one_by_one.now() && !is_too_long) {
        demand(false, "how the bytes are cut makes no difference");
    }
    if (at_once.now() == dist::handshake::state::challenged && !is_too_long) {
        demand(at_once.challenge() == one_by_one.challenge(), "nor to the name");
        demand(at_once.challenge().name.find('\n') == std::string::npos, "a name is one line");
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
