#include "wire/encode.hpp"

#include "wire/limits.hpp"
#include "wire/message_bytes.hpp"
#include "wire/put.hpp"

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <stdexcept>

namespace epmd::wire {
namespace {

/// A field with its length in two bytes. Throws std::length_error when it does not fit any request: only our own
/// client can bring one about.
void put_field(std::string& out, std::string_view field) {
    if (field.size() > max_request_bytes) {
        throw std::length_error("EPMD field too long: " + std::to_string(field.size()) + " bytes");
    }
    put_u16(out, static_cast<std::uint16_t>(field.size()));
    out.append(field);
}

void put_decimal(std::string& out, int value) {
    std::array<char, 12> digits; // as many as an int has, with its sign
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    out.append(digits.data(), end);
}

/// The fields that ALIVE2_REQ and PORT2_RESP share.
template <typename Message>
void put_node(std::string& out, const Message& node) {
    put_integers(out, node.port, node.node_type, node.protocol, node.highest_version, node.lowest_version);
    put_field(out, node.alive_name);
    put_field(out, node.extra);
}

void put(std::string& out, const alive2_x_resp& reply) {
    out.push_back(message_byte::alive2_x_resp);
    put_u8(out, reply.result);
    put_u32(out, reply.creation);
}

void put(std::string& out, const alive2_resp& reply) {
    out.push_back(message_byte::alive2_resp);
    put_u8(out, reply.result);
    put_u16(out, reply.creation);
}

void put(std::string& out, const port2_resp& reply) {
    out.push_back(message_byte::port2_resp);
    put_u8(out, result_ok);
    put_node(out, reply);
}

void put(std::string& out, const port2_unknown&) {
    out.push_back(message_byte::port2_resp);
    put_u8(out, result_error);
}

void put(std::string& out, const names_resp& reply) {
    put_u32(out, reply.epmd_port);
    for (const auto& node : reply.nodes) {
        append_names_line(node, out);
    }
    for (const auto& host : reply.hosts) {
        out.append("host ")
            .append(host.name)
            .append(host.name.empty() ? "" : " at ")
            .append(host.addresses)
            .append("\n");
        for (const auto& node : host.nodes) {
            append_names_line(node, out);
        }
    }
}

void put(std::string& out, const names_text& reply) {
    out.append(*reply.bytes);
}

// Both forms keep stock's uneven spaces. compat: stock sends a NUL after each row, against the protocol document; no
// client needs it, and on a terminal it is noise.
void put(std::string& out, const dump_resp& reply) {
    put_u32(out, reply.epmd_port);
    for (const auto& node : reply.nodes) {
        out.append(node.active ? "active name     <" : "old/unused name <");
        out.append(node.alive_name);
        out.append(node.active ? "> at port " : ">, port = ");
        put_decimal(out, node.port);
        out.append(", fd = ");
        put_decimal(out, node.descriptor);
        out.append(node.active ? "\n" : " \n");
    }
}

void put(std::string& out, const kill_resp& reply) {
    out.append(reply.allowed ? "OK" : "NO");
}

void put(std::string& out, const stop_resp& reply) {
    out.append(reply.known ? "STOPPED" : "NOEXIST");
}

void put(std::string& out, const alive2_req& message) {
    out.push_back(message_byte::alive2_req);
    put_node(out, message);
}

void put(std::string& out, const port_please2_req& message) {
    out.push_back(message_byte::port_please2_req);
    out.append(message.alive_name);
}

void put(std::string& out, const names_req& message) {
    out.push_back(message_byte::names_req);
    out.append(message.with_hosts ? message_byte::with_hosts : "");
}

void put(std::string& out, const dump_req&) {
    out.push_back(message_byte::dump_req);
}

void put(std::string& out, const kill_req&) {
    out.push_back(message_byte::kill_req);
}

void put(std::string& out, const stop_req& message) {
    out.push_back(message_byte::stop_req);
    out.append(message.alive_name);
}

} // namespace

void append_names_line(const names_resp::node& node, std::string& out) {
    out.append("name ");
    out.append(node.alive_name);
    out.append(" at port ");
    put_decimal(out, node.port);
    out.push_back('\n');
}

void encode(const reply& what, std::string& out) {
    std::visit([&out](const auto& message) { put(out, message); }, what);
}

void encode(const request& what, std::string& out) {
    std::string message;
    std::visit([&message](const auto& fields) { put(message, fields); }, what);
    if (message.size() > max_request_bytes) {
        throw std::length_error("EPMD request too long: " + std::to_string(message.size()) + " bytes, at most " +
                                std::to_string(max_request_bytes));
    }
    put_field(out, message);
}

} // namespace epmd::wire
