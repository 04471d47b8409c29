#include "placement/resolver.hpp"

#include "placement/socket_address.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <set>
#include <system_error>
#include <thread>
#include <utility>

#include <ifaddrs.h>
#include <netdb.h>
#include <sys/socket.h>

namespace epmd {
namespace {

/// Which of them a network device of this machine has. Not for the thread that serves: with many devices a millisecond.
std::set<address> those_of_devices(const std::vector<address>& wanted) {
    std::set<address> result;
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0) {
        return result;
    }
    for (const auto* one = list; one != nullptr; one = one->ifa_next) {
        const auto has = one->ifa_addr != nullptr ? address_of(*one->ifa_addr) : std::nullopt;
        if (has && std::find(wanted.begin(), wanted.end(), *has) != wanted.end()) {
            result.insert(*has);
        }
    }
    ::freeifaddrs(list);
    return result;
}

} // namespace

resolution ask_system(const std::string& host_name) {
    return ask_system_for(host_name, AF_UNSPEC);
}

resolution ask_system_for(const std::string& host_name, int family) {
    addrinfo hints{};
    hints.ai_family = family;
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    if (const int error = ::getaddrinfo(host_name.c_str(), nullptr, &hints, &list); error != 0) {
        const auto why = error == EAI_SYSTEM ? std::generic_category().message(errno) : ::gai_strerror(error);
        return {.addresses = {}, .trouble = "does not resolve (" + why + ")"};
    }
    resolution result;
    for (const auto* one = list; one != nullptr && result.addresses.size() < max_addresses; one = one->ai_next) {
        if (const auto found = address_of(*one->ai_addr)) {
            result.addresses.push_back(*found);
        }
    }
    ::freeaddrinfo(list);
    if (result.addresses.empty()) {
        result.trouble = "does not resolve (no IPv4 or IPv6 address)";
    }
    result.local = those_of_devices(result.addresses);
    return result;
}

bool is_address_of_a_device(const address& wanted) {
    return !those_of_devices({wanted}).empty();
}

/// Threads that end when there is nothing to look up. They are not joined: one that hangs in the C library must not
/// keep the daemon from ending.
class resolver::threads : public std::enable_shared_from_this<threads> {
  public:
    using job = std::function<void()>;

    void add(job work) {
        const std::lock_guard lock(mutex_);
        jobs_.push_back(std::move(work));
        if (running_ < max_threads) {
            try {
                std::thread([self = shared_from_this()] { self->run(); }).detach();
                ++running_; // who is new waits for the lock
            } catch (const std::exception&) {
                // There may be no more threads: one that runs goes on with it, or it is late.
            }
        }
    }

    /// Gives an answer to the resolver, unless it has gone meanwhile.
    void deliver(boost::asio::io_context& io, job answer) {
        const std::lock_guard lock(mutex_);
        if (!is_closed_) {
            boost::asio::post(io, std::move(answer));
        }
    }

    void close() {
        const std::lock_guard lock(mutex_);
        is_closed_ = true;
        jobs_.clear();
    }

  private:
    void run() {
        for (;;) {
            job work;
            {
                const std::lock_guard lock(mutex_);
                if (jobs_.empty()) {
                    --running_;
                    return;
                }
                work = std::move(jobs_.front());
                jobs_.pop_front();
            }
            work();
        }
    }

    std::mutex mutex_;
    std::deque<job> jobs_;
    std::size_t running_ = 0;
    bool is_closed_ = false;
};

resolver::resolver(boost::asio::io_context& io, lookup ask)
    : io_(io), ask_(std::move(ask)), threads_(std::make_shared<threads>()) {}

resolver::~resolver() {
    threads_->close();
}

void resolver::resolve(const std::string& host_name, answer then) {
    const auto now = std::chrono::steady_clock::now();
    if (const auto known = memory_.find(host_name); known != memory_.end() && now < known->second.until) {
        boost::asio::post(io_, [then = std::move(then), what = known->second.what] { then(what); });
        return;
    }
    const asked_name name(generation_, host_name);
    if (waiting_.size() >= max_waiting && !waiting_.contains(name)) {
        boost::asio::post(io_, [then = std::move(then)] {
            then({.addresses = {}, .trouble = "is one of too many that are being resolved"});
        });
        return;
    }
    auto& asked = waiting_[name];
    asked.answers.push_back(std::move(then));
    if (asked.late) {
        return; // somebody asked already
    }
    asked.late = std::make_unique<timer>(io_, deadline);
    asked.late->async_wait([this, name](boost::system::error_code error) {
        if (!error) {
            finish(name, {.addresses = {}, .trouble = "did not resolve within 2 s"});
        }
    });
    asked.is_wanted = std::make_shared<std::atomic<bool>>(true);
    threads_->add([this, name, is_wanted = asked.is_wanted, ask = ask_, threads = threads_.get(), &io = io_] {
        if (!*is_wanted) { // those before it took too long; those after it need not wait for it as well
            return;
        }
        resolution what;
        try {
            what = ask(name.second);
        } catch (const std::exception& error) { // no memory
            what.trouble = std::string("could not be resolved (") + error.what() + ")";
        }
        // Nothing of ours may be touched here but through deliver: we may have gone.
        threads->deliver(io, [this, name, what = std::move(what)] {
            if (memory_.size() >= max_remembered) {
                memory_.clear();
            }
            if (name.first == generation_) {
                memory_[name.second] = {what, std::chrono::steady_clock::now() + memory};
            }
            finish(name, what);
        });
    });
}

void resolver::finish(const asked_name& name, const resolution& what) {
    const auto found = waiting_.find(name);
    if (found == waiting_.end()) {
        return; // too late
    }
    *found->second.is_wanted = false;
    const auto answers = std::move(found->second.answers);
    waiting_.erase(found);
    for (const auto& then : answers) {
        then(what);
    }
}

void resolver::forget() {
    memory_.clear();
    ++generation_;
}

} // namespace epmd
