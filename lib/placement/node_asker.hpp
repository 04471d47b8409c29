/// Asks nodes for their names: the evidence *handshake* (docs/model.md).
#pragma once

#include "registry/address.hpp"

#include <boost/asio/io_context.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <set>
#include <string>

namespace epmd {

/// What a node said: its name, or nothing and why.
struct node_answer {
    std::string node_name; ///< `alive@host`; good UTF-8, at most 255 characters, no control characters
    std::string trouble;   ///< one clause, of the node: "speaks TLS"; empty when there is a name

    bool operator==(const node_answer&) const = default;
};

/// Opens a distribution connection to a node, introduces itself as the hidden `nonode@nohost`, which is what every VM
/// is called before it has a name, so that the node learns no new atom; takes the name out of the challenge and closes.
/// No cookie is needed, and the node reports nothing: no connection, no event, no line in its log (shown on OTP 25 and
/// 27). Never waits; all calls and all answers on the thread of the io_context.
class node_asker {
  public:
    struct limits {
        /// For a node from the first attempt on. Measured with real VMs: 1 to 9 ms, and 653 ms at worst
        /// with 40 of them starting.
        std::chrono::milliseconds time{2000};
        /// Before the second and last attempt, after the node closed or was busy: it is just coming up. Chosen, not
        /// tuned.
        std::chrono::milliseconds pause{200};
        /// Nodes that are asked at the same moment; more wait for their turn. Chosen, not tuned.
        std::size_t at_once = 16;
        /// That wait for their turn; who comes when there are so many is not asked. Chosen, not tuned.
        std::size_t waiting = 1000;
    };

    using answer = std::function<void(const node_answer&)>;
    using predicate = std::function<bool()>;

    explicit node_asker(boost::asio::io_context&);
    node_asker(boost::asio::io_context&, limits);
    ~node_asker();
    node_asker(const node_asker&) = delete;
    node_asker& operator=(const node_asker&) = delete;

    /// Asks the node that listens there, and calls `then`, always, unless the asker goes before; never from inside this
    /// call. `highest_version` as it registered: an old node is asked in its own words. `is_wanted`: asked when its
    /// turn comes; if it is not wanted any more, its trouble is that it may not be asked.
    void ask(const address&, std::uint16_t port, std::uint16_t highest_version, predicate is_wanted, answer then);

  private:
    class conversation;

    void start_next();
    void finished(const std::shared_ptr<conversation>&);

    boost::asio::io_context& io_;
    limits limits_;
    std::set<std::shared_ptr<conversation>> talking_;
    std::deque<std::shared_ptr<conversation>> waiting_;
};

} // namespace epmd
