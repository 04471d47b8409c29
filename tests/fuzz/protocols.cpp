// What comes over a socket: requests, replies, the handshake.
#include "dist/handshake.hpp"
#include "fuzz/demand.hpp"
#include "fuzz/targets.hpp"
#include "wire/decode.hpp"
#include "wire/encode.hpp"
#include "wire/limits.hpp"
#include "wire/names_list.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <variant>

namespace epmd::fuzz {
namespace {

void decode_and_encode(std::string_view message) {
    const auto decoded = wire::decode_request(message);
    if (!std::holds_alternative<wire::request>(decoded)) {
        return;
    }
    const auto* const stop = std::get_if<wire::stop_req>(&std::get<wire::request>(decoded));
    if (stop != nullptr && stop->alive_name.empty()) {
        return; // nobody is called so: our own client has no reason to ask that
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

void decode_reply(std::string_view bytes) {
    const auto encoded = [](const wire::reply& what) {
        std::string out;
        wire::encode(what, out);
        return out;
    };
    if (const auto registered = wire::decode_alive2_reply(bytes)) {
        demand(wire::decode_alive2_reply(encoded(*registered)) == registered,
               "a reply to a registration is written so");
    }
    if (const auto found = wire::decode_port2_reply(bytes)) {
        if (const auto* node = std::get_if<wire::port2_resp>(&*found)) {
            demand(is_inside(node->alive_name, bytes) && is_inside(node->extra, bytes), "a reply has what is in it");
            const bool is_writable = std::max(node->alive_name.size(), node->extra.size()) <= wire::max_request_bytes;
            demand(!is_writable || wire::decode_port2_reply(encoded(*node)) == found, "and is written so");
        }
    }
    const auto list = wire::decode_listing(bytes);
    if (!list) {
        return;
    }
    std::string written;
    const auto rows = wire::read_names_list(list->text);
    for (const auto& row : rows) {
        std::string lookup;
        wire::encode(wire::port_please2_req{row.alive_name}, lookup);
        demand(std::holds_alternative<wire::request>(wire::decode_request(wire::request_of(lookup))),
               "each name of a list can be looked up");
        written.append("host ").append(row.at).append("\n");
        written.append("name ").append(row.alive_name).append(" at port 1\n");
    }
    demand(wire::read_names_list(written) == rows, "a list is written so");
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

} // namespace epmd::fuzz
