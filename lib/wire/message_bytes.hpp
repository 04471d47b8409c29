/// The first byte of each message (protocol document, section "EPMD Protocol"). For the codec and its tests.
#pragma once

#include <string_view>

namespace epmd::wire::message_byte {

inline constexpr char alive2_req = 120;
inline constexpr char alive2_x_resp = 118;
inline constexpr char alive2_resp = 121;
inline constexpr char port_please2_req = 122;
inline constexpr char port2_resp = 119;
inline constexpr char names_req = 110;
inline constexpr char dump_req = 100;
inline constexpr char kill_req = 107;
inline constexpr char stop_req = 115;

/// After names_req: the nodes of every host are wanted as well. Ours.
inline constexpr std::string_view with_hosts = "hosts";

} // namespace epmd::wire::message_byte
