/// What the fuzzers feed with any bytes, and what the ordinary test run replays their corpora through. A
/// broken promise is a std::logic_error; a memory error is the sanitizers' to see.
#pragma once

#include <string_view>

namespace epmd::fuzz {

/// Frames and decodes a request; one that decodes is encoded, and must decode to the same value again.
void decode_request(std::string_view bytes);

/// Has a node answer a handshake with these bytes, all at once and one by one, and answers its challenge: both end
/// alike. The proof that is expected is sixteen times an x.
void handshake(std::string_view bytes);

/// Reads a cookie file.
void read_cookie(std::string_view bytes);

/// Reads a file for lookups, and its terms, which are written and read again as the same.
void read_inetrc(std::string_view bytes);

/// Reads these bytes as a snapshot, and as records without their checksums (each u16 its size, kind and body), which
/// are given the right ones; what counts makes a registry, and what that writes is read again as the same.
void read_snapshot(std::string_view bytes);

/// Reads a datagram of sock_diag answers.
void read_sock_diag(std::string_view bytes);

/// Looks for the node name in a command line and in an environment.
void node_name_of_command_line(std::string_view bytes);

} // namespace epmd::fuzz
