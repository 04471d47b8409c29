#include "succession.hpp"

#include "handover/inheritance.hpp"

#include <boost/asio/post.hpp>
#include <spdlog/spdlog.h>

#include <chrono>
#include <exception>
#include <stdexcept>
#include <utility>

namespace epmd {
namespace {

/// How often it is tried again to keep what could not be kept. Chosen, not tuned.
constexpr std::chrono::seconds retry_interval{1};

} // namespace

succession::succession(asio::io_context& io, service_manager* manager, server& serving, std::function<kept_state()> all,
                       const program& self, legacy before, std::function<void(const std::string& why)> stayed)
    : io_(io), manager_(manager), server_(serving), all_(std::move(all)), self_(self), before_(std::move(before)),
      stayed_(std::move(stayed)), retry_(io) {}

void succession::begin() {
    if (manager_ != nullptr) {
        start_keeping();
    } else {
        close_queue(std::exchange(before_.queue, {})); // it has done what it was for
    }
}

void succession::start_keeping() {
    keeper_.emplace(manager_, all_, std::move(before_.queue), before_.generation, std::move(before_.tables),
                    [](const std::string& why) {
                        spdlog::warn("not all nodes would outlive this process: {}. It is tried again each second",
                                     why);
                    });
    before_ = {};
    look_again();
}

void succession::keep(const registration& one, bool is_new) {
    if (keeper_) {
        keeper_->keep(one, is_new);
        look_again();
    }
}

bool succession::let_go(connection_number who) {
    if (keeper_) {
        keeper_->let_go(who);
        look_again();
    }
    return keeper_.has_value();
}

void succession::keep_surroundings() {
    if (keeper_) {
        keeper_->keep_surroundings();
        look_again();
    }
}

/// In a while, if something could not be kept.
void succession::look_again() {
    if (keeper_->is_settled() || std::exchange(is_retrying_, true)) {
        return;
    }
    retry_.expires_after(retry_interval);
    retry_.async_wait([this](boost::system::error_code error) {
        is_retrying_ = false;
        if (error || !keeper_) {
            return;
        }
        try_again();
        look_again();
    });
}

void succession::try_again() {
    if (!keeper_) {
        return;
    }
    const bool was_whole = keeper_->is_whole();
    keeper_->try_again();
    if (!was_whole && keeper_->is_whole()) {
        spdlog::info("all nodes are kept again");
    }
}

void succession::upgrade() {
    if (trial_ || is_leaving_) {
        return;
    }
    try {
        if (!keeper_) {
            start_keeping();
        }
        try_again();
        if (!keeper_->is_whole()) {
            throw std::runtime_error("the table cannot be handed over");
        }
        trial_.emplace(io_, self_, keeper_->table_descriptor(), [this](const std::optional<std::string>& trouble) {
            asio::post(io_, [this, trouble] { tried(trouble); }); // the trial is over, and may go
        });
    } catch (const std::exception& error) {
        stay(error.what());
    }
}

void succession::give_up() {
    trial_.reset();
    is_leaving_ = false;
}

void succession::tried(const std::optional<std::string>& trouble) {
    if (!trial_) {
        return; // given up meanwhile
    }
    trial_.reset();
    if (trouble) {
        stay(self_.path + " cannot take over: " + *trouble);
        return;
    }
    is_leaving_ = true;
    server_.finish([this] { leave(); });
}

/// Does not come back, unless it fails.
void succession::leave() {
    try {
        try_again();
        if (!keeper_->is_whole()) {
            throw std::runtime_error("the table cannot be handed over");
        }
        auto passed = keeper_->to_pass();
        for (const int listener : server_.listeners()) {
            passed.push_back({listener, "listener"});
        }
        spdlog::info("becomes {}", self_.path);
        become(self_, passed);
    } catch (const std::exception& error) {
        is_leaving_ = false;
        server_.resume();
        stay(error.what());
    }
}

void succession::stay(const std::string& why) {
    spdlog::error("not upgraded, all goes on as it was: {}", why);
    stayed_(why);
    if (manager_ == nullptr) {
        keeper_.reset(); // nobody else holds what it writes
    }
}

} // namespace epmd
