/// The EPMD messages as values, named as the Erlang distribution protocol document names them.
///
/// Text and bytes are views: of the buffer that was decoded, or of whatever the sender of a reply holds. A message is
/// good for as long as that buffer is.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace epmd::wire {

/// Registers a node for as long as the connection lasts.
struct alive2_req {
    std::uint16_t port = 0;            ///< distribution port
    std::uint8_t node_type = 77;       ///< 77: Erlang VM; C nodes say 104, Java nodes 110
    std::uint8_t protocol = 0;         ///< 0: TCP over IPv4
    std::uint16_t highest_version = 6; ///< of the distribution protocol
    std::uint16_t lowest_version = 5;
    std::string_view alive_name; ///< without NUL; not yet judged (see alive_name.hpp)
    std::string_view extra;      ///< any bytes; comes back in PORT2_RESP as it was

    bool operator==(const alive2_req&) const = default;
};

/// Asks for the distribution port of a node.
struct port_please2_req {
    std::string_view alive_name; ///< valid UTF-8, not empty, without NUL

    bool operator==(const port_please2_req&) const = default;
};

/// Asks for the registered names and their ports.
struct names_req {
    /// Whether the nodes of every host are wanted as well, as our own `-names` wants them. Ours: the word "hosts" after
    /// the message's byte, which stock ignores as it ignores all that follows.
    bool with_hosts = false;

    bool operator==(const names_req&) const = default;
};

/// Asks for all that the daemon knows, for debugging.
struct dump_req {
    bool operator==(const dump_req&) const = default;
};

/// Asks the daemon to end.
struct kill_req {
    bool operator==(const kill_req&) const = default;
};

/// Asks for a name to be unregistered by force.
struct stop_req {
    std::string_view alive_name; ///< any bytes without NUL

    bool operator==(const stop_req&) const = default;
};

using request = std::variant<alive2_req, port_please2_req, names_req, dump_req, kill_req, stop_req>;

/// The request's name in the protocol document.
std::string_view to_string(const request&) noexcept;

/// What `result` says in a reply.
inline constexpr std::uint8_t result_ok = 0;
inline constexpr std::uint8_t result_error = 1;

/// The creation that goes with a refusal; it means nothing (transcript of stock).
inline constexpr std::uint16_t refused_creation = 99;

/// Answers ALIVE2_REQ of highest version 6 and above.
struct alive2_x_resp {
    std::uint8_t result = result_ok;
    std::uint32_t creation = 0;

    bool operator==(const alive2_x_resp&) const = default;
};

/// Answers ALIVE2_REQ of highest version 5 and below.
struct alive2_resp {
    std::uint8_t result = result_ok;
    std::uint16_t creation = 0;

    bool operator==(const alive2_resp&) const = default;
};

/// Answers PORT_PLEASE2_REQ for a known name.
struct port2_resp {
    std::uint16_t port = 0;
    std::uint8_t node_type = 77;
    std::uint8_t protocol = 0;
    std::uint16_t highest_version = 6;
    std::uint16_t lowest_version = 5;
    std::string_view alive_name;
    std::string_view extra;

    bool operator==(const port2_resp&) const = default;
};

/// Answers PORT_PLEASE2_REQ for an unknown name.
struct port2_unknown {
    bool operator==(const port2_unknown&) const = default;
};

/// Answers NAMES_REQ; ends with the connection.
struct names_resp {
    struct node {
        std::string_view alive_name;
        std::uint16_t port = 0;

        bool operator==(const node&) const = default;
    };
    /// The nodes of one host, for who asked with_hosts.
    struct host {
        std::string name;      ///< empty: it has none here
        std::string addresses; ///< as text, with ", " between them
        std::vector<node> nodes;

        bool operator==(const host&) const = default;
    };
    std::uint16_t epmd_port = 0;
    std::vector<node> nodes;      ///< newest registration first
    std::vector<host> hosts = {}; ///< those that have nodes

    bool operator==(const names_resp&) const = default;
};

/// A names_resp that is encoded already: many may ask before it changes.
struct names_text {
    std::shared_ptr<const std::string> bytes; ///< never null

    bool operator==(const names_text& other) const { return *bytes == *other.bytes; }
};

/// Answers DUMP_REQ; ends with the connection.
struct dump_resp {
    struct node {
        std::string_view alive_name;
        std::uint16_t port = 0;
        int descriptor = -1; ///< of the registered connection, or of the one that it had
        bool active = true;

        bool operator==(const node&) const = default;
    };
    std::uint16_t epmd_port = 0;
    std::vector<node> nodes; ///< active ones first, newest registration first; then the others, the first to end first

    bool operator==(const dump_resp&) const = default;
};

/// Answers KILL_REQ.
struct kill_resp {
    bool allowed = false;

    bool operator==(const kill_resp&) const = default;
};

/// Answers STOP_REQ.
struct stop_resp {
    bool known = false;

    bool operator==(const stop_resp&) const = default;
};

using reply = std::variant<alive2_x_resp, alive2_resp, port2_resp, port2_unknown, names_resp, names_text, dump_resp,
                           kill_resp, stop_resp>;

} // namespace epmd::wire
