/// A system's resolver that a test makes up, and that hangs when the test says so.
#pragma once

#include "placement/by_name.hpp"
#include "placement/resolver.hpp"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace epmd::test {

/// To be asked on any thread. When it goes, whoever hangs in it gets an answer.
class fake_lookup {
  public:
    fake_lookup() = default;
    ~fake_lookup() {
        const std::lock_guard lock(state_->mutex);
        state_->hanging.clear();
        state_->when_asked = nullptr;
        state_->changed.notify_all();
    }
    fake_lookup(const fake_lookup&) = delete;
    fake_lookup& operator=(const fake_lookup&) = delete;

    /// What the resolver is to call.
    [[nodiscard]] resolver::lookup function() const {
        return [state = state_](const std::string& name) {
            std::unique_lock lock(state->mutex);
            state->asked.push_back(name);
            // As the C library would: what it will answer stands when it is asked.
            const auto known = state->answers.find(name);
            const auto answer = known == state->answers.end()
                                    ? resolution{.addresses = {}, .trouble = "does not resolve (nobody knows)"}
                                    : known->second;
            state->changed.notify_all();
            if (state->when_asked) {
                state->when_asked();
            }
            state->changed.wait(lock, [&] { return !state->hanging.contains(name); });
            if (state->failing.contains(name)) {
                throw std::bad_alloc();
            }
            return answer;
        };
    }

    /// Called whenever a name is asked for, on the thread that asks; must not call back.
    void when_asked(std::function<void()> what) const {
        const std::lock_guard lock(state_->mutex);
        state_->when_asked = std::move(what);
    }

    /// `local`: those of them that a device of this machine has.
    void answer(const std::string& name, std::vector<address> addresses, std::set<address> local = {}) const {
        const std::lock_guard lock(state_->mutex);
        state_->answers[name] = {.addresses = std::move(addresses), .trouble = {}, .local = std::move(local)};
    }

    /// From now on who asks for that name has no memory left.
    void fail(const std::string& name) const {
        const std::lock_guard lock(state_->mutex);
        state_->failing.insert(name);
    }

    /// From now on who asks for that name hangs.
    void hang(const std::string& name) const {
        const std::lock_guard lock(state_->mutex);
        state_->hanging.insert(name);
    }

    void release(const std::string& name) const {
        const std::lock_guard lock(state_->mutex);
        state_->hanging.erase(name);
        state_->changed.notify_all();
    }

    /// The names that were asked for, in their order.
    [[nodiscard]] std::vector<std::string> asked() const {
        const std::lock_guard lock(state_->mutex);
        return state_->asked;
    }

    /// Waits until so many names were asked for. False: they were not within half a minute, which only a
    /// fault exhausts.
    [[nodiscard]] bool await_asked(std::size_t count) const {
        std::unique_lock lock(state_->mutex);
        return state_->changed.wait_for(lock, std::chrono::seconds(30), [&] { return state_->asked.size() >= count; });
    }

  private:
    struct shared_state {
        std::mutex mutex;
        std::condition_variable changed;
        std::map<std::string, resolution> answers;
        std::set<std::string> hanging;
        std::set<std::string> failing;
        std::vector<std::string> asked;
        std::function<void()> when_asked;
    };
    std::shared_ptr<shared_state> state_ = std::make_shared<shared_state>(); // shared with who hangs in it
};

} // namespace epmd::test
