/// The system's resolver, kept at arm's length: on threads of its own, with a deadline and a short memory.
#pragma once

#include "net/asio.hpp"
#include "placement/by_name.hpp"

#include <boost/asio/io_context.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace epmd {

/// Asks getaddrinfo(3), which may take as long as it likes: hosts file, DNS, whatever nsswitch.conf(5) says. The first
/// max_addresses count.
resolution ask_system(const std::string& host_name);

/// More than a machine has that is looked up. Chosen, not tuned: who owns a domain may give it thousands.
inline constexpr std::size_t max_addresses = 64;

/// The same for one version of IP, AF_INET or AF_INET6, as programs do that speak no other.
resolution ask_system_for(const std::string& host_name, int family);

/// Whether a network device of this machine has that address, as getifaddrs(3) says.
bool is_address_of_a_device(const address&);

/// Resolves names without ever letting its caller wait. All calls and all answers on the thread of the io_context.
class resolver {
  public:
    using answer = std::function<void(const resolution&)>;
    using lookup = std::function<resolution(const std::string& host_name)>;

    /// `ask` is called on other threads, several at once, and may never return.
    explicit resolver(boost::asio::io_context&, lookup ask = ask_system);
    ~resolver();
    resolver(const resolver&) = delete;
    resolver& operator=(const resolver&) = delete;

    /// Calls `then` with the answer: never from inside this call, and after `deadline` at the latest.
    void resolve(const std::string& host_name, answer then);

    /// Forgets what it knows, and what it is about to know: the hosts file has changed. Who asked before still gets the
    /// answer of then.
    void forget();

    /// How long a name may take. Less than the 5 s that a registration may be held; most resolvers give up a first
    /// server after 5 s, and who needs that is named in the log. Chosen, not tuned.
    static constexpr std::chrono::milliseconds deadline{2000};
    /// How long an answer is good: many VMs that start at once ask for one name. Chosen, not tuned.
    static constexpr std::chrono::milliseconds memory{1000};
    /// Names being looked up at the same moment; more wait for their turn. Chosen, not tuned.
    static constexpr std::size_t max_threads = 4;
    /// Names that wait for their turn, or for an answer; one more is told that they are too many. Chosen, not tuned:
    /// one that waits is nobody's any more after `deadline`.
    static constexpr std::size_t max_waiting = 1000;
    /// Answers remembered. Chosen, not tuned.
    static constexpr std::size_t max_remembered = 1000;

  private:
    struct remembered {
        resolution what;
        std::chrono::steady_clock::time_point until;
    };
    struct waiting {
        std::vector<answer> answers;
        std::unique_ptr<timer> late;
        std::shared_ptr<std::atomic<bool>> is_wanted; ///< for the thread whose turn it is: nobody may wait by then
    };
    class threads;

    /// A name as it was asked for before or after the hosts file changed.
    using asked_name = std::pair<std::uint64_t, std::string>;

    void finish(const asked_name&, const resolution&);

    boost::asio::io_context& io_;
    lookup ask_;
    std::unordered_map<std::string, remembered> memory_;
    std::map<asked_name, waiting> waiting_;
    /// Grows when everything is forgotten: what was asked before is answered, not remembered.
    std::uint64_t generation_ = 0;
    std::shared_ptr<threads> threads_; // shared with the threads, which may outlive us in a call that hangs
};

} // namespace epmd
