/// What one process of the daemon leaves to the next, as bytes: records, one after the other.
///
/// Version 1. All integers are unsigned, most significant byte first; a text is its length in bytes (u16) and its
/// bytes; an address is 16 bytes, IPv4 mapped; a time is nanoseconds of CLOCK_MONOTONIC (u64), which goes on as long as
/// the memory does in which all this is kept. A record:
///
///     size       u32   of kind and body together, in bytes
///     checksum   u32   CRC-32 (ISO-HDLC, as zlib's) of kind and body
///     kind       u8
///     body
///
///     kind 1, beginning     first_creation u32, started time, greatest_forgotten_count u32
///     kind 2, registration  connection u64, sequence u64, creation u32, creation_count u32, since time, state u8,
///                           where address, then the node: port u16, node_type u8, protocol u8, highest_version u16,
///                           lowest_version u16, alive_name text, extra text; then a finding; then is_adopted u8
///     kind 3, gone          connection u64: that registration ended, and is a former name now
///     kind 4, former name   descriptor u32, creation_count u32, port u16, alive_name text; then a finding
///     kind 5, machine       hostname text, addresses (u16, then each), others (u16, then each)
///     kind 6, settings      name text, size u32, bytes: the configuration file that was read last without a mistake
///     kind 7, restarts      u32: how many processes went on with the table of the one before
///
///     a finding             flags u8 (1: where, 2: ask_at, 4: uid are there; 8: is_guess, 16: is_over_ipv6), how u8,
///                           where address, ask_at address, listener_inode u64, pid u32, uid u32, node_name text,
///                           host_name text, trouble text, program text
///
/// A later record counts before an earlier one of the same connection, or of its kind. A reader skips records of a kind
/// that it does not know, and what stands behind the fields that it knows. Whoever needs more than that from a reader
/// takes another version (docs/handover.md).
#pragma once

#include "registry/registry.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace epmd {

inline constexpr std::uint32_t snapshot_version = 1;

/// A configuration file as it was when it was read last.
struct settings_text {
    std::string name; ///< whole path
    std::string text;

    bool operator==(const settings_text&) const = default;
};

struct snapshot {
    registry_state table;
    machine_identity machine;
    std::optional<settings_text> settings; ///< empty: there was no file
    std::uint32_t restarts = 0;            ///< how many processes went on with the table of the one before
};

/// Appends records.
void put_beginning(std::string& out, std::uint32_t first_creation, time_point started,
                   std::uint32_t greatest_forgotten_count);
void put_registration(std::string& out, const registration&);
void put_gone(std::string& out, connection_number);
void put_former_name(std::string& out, const former_name&);
void put_machine(std::string& out, const machine_identity&);
void put_settings(std::string& out, const settings_text&);
void put_restarts(std::string& out, std::uint32_t);

/// Appends all that a registry knows.
void put_table(std::string& out, const registry&);

/// Reads records. Descriptors in it are those of the process that wrote it. A text: what is wrong with them, as one
/// clause; then nothing of them counts.
std::variant<snapshot, std::string> read_snapshot(std::string_view records);

} // namespace epmd
