/// What the fuzzers feed with any bytes, and what the ordinary test run replays their corpora through. A
/// broken promise is a std::logic_error; a memory error is the sanitizers' to see.
#pragma once

#include <string_view>

namespace epmd::fuzz {

/// Frames and decodes a request; one that decodes is encoded, and must decode to the same value again.
void decode_request(std::string_view bytes);

/// Decodes a reply of an epmd, and the names in a list of it; what decodes is encoded, and must decode to the same.
void decode_reply(std::string_view bytes);

/// Has a node answer a handshake with these bytes, all at once and one by one, and answers its challenge: both end
/// alike. The proof that is expected is sixteen times an x.
void handshake(std::string_view bytes);

/// Has Beast read the header of a request as the site does, at once and byte by byte, and judges its target and its
/// Host header: nobody is let in by a name that is not ours.
void http_request(std::string_view bytes);

/// Reads an answer of the daemon as epmdctl does, at once and in two pieces: to the same body.
void http_reply(std::string_view bytes);

/// Takes server-sent events off a text, at once and byte by byte; what is found is written and read again as the same.
void take_events(std::string_view bytes);

/// Reads the page /hosts: what is not understood is one of three exceptions, of which epmdctl tells.
void hosts_page(std::string_view bytes);

/// Reads a configuration file: settings, which are written and read again as the same, or one sentence in one line that
/// has its place.
void read_settings(std::string_view bytes);

/// Reads flags, each ended by a NUL, and those that begin with ERL_EPMD_ as variables: settings, or a settings_error.
void read_flags(std::string_view bytes);

/// Reads a cookie file.
void read_cookie(std::string_view bytes);

/// Reads a file for lookups, and its terms, which are written and read again as the same.
void read_inetrc(std::string_view bytes);

/// Reads a hosts file, which is written and read again as the same.
void read_hosts_file(std::string_view bytes);

/// Reads these bytes as a snapshot, and as records without their checksums (each u16 its size, kind and body), which
/// are given the right ones; what counts makes a registry, and what that writes is read again as the same.
void read_snapshot(std::string_view bytes);

/// Reads a datagram of sock_diag answers.
void read_sock_diag(std::string_view bytes);

/// Looks for the node name in a command line and in an environment.
void node_name_of_command_line(std::string_view bytes);

/// Sees a VM by its command line, its environment, its configuration and /proc/PID/stat, a line each: what a flag says
/// goes before the rest.
void see_vm(std::string_view bytes);

/// Has a process of the daemon find descriptors that one before left, by names and with contents from these bytes:
/// tables, queues of connections, and others. No descriptor is lost or kept, and none of it ends the process.
void read_inheritance(std::string_view bytes);

/// Reads the variable by which a daemon passes descriptors to its successor; it is written and read again as the same.
void passed_in(std::string_view bytes);

/// Has a service live through what the bytes tell: nodes come and go, are looked up, taken over, killed and handed
/// over, evidence comes, early, late and wrong, hosts change and time passes. After each act all that
/// support/invariants.hpp has holds.
void conversation(std::string_view bytes);

} // namespace epmd::fuzz
