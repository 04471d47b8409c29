/// What the daemon leaves to the process after it: table and connections, kept by systemd, or passed on by an exec.
#pragma once

#include "handover/keeper.hpp"
#include "net/asio.hpp"
#include "server/server.hpp"
#include "successor.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace epmd {

/// What the process before left, and the keeper goes on with.
struct legacy {
    left_queue queue;
    std::uint64_t generation = 0;
    std::vector<std::string> tables;
};

class succession {
  public:
    /// `manager`: null: nobody keeps anything, and all there is goes over exec.
    /// `stayed`: is told why an upgrade was not made.
    succession(asio::io_context&, service_manager* manager, server&, std::function<kept_state()> all, const program&,
               legacy, std::function<void(const std::string& why)> stayed);

    /// Has what there is kept, and what comes, if there is somebody to keep it.
    void begin();

    void keep(const registration&, bool is_new);
    /// Whether somebody else may hold the connection of a registration that has ended.
    bool let_go(connection_number);
    void keep_surroundings();

    /// Whether somebody has all nodes when this process ends.
    [[nodiscard]] bool is_kept() const noexcept { return manager_ != nullptr && keeper_ && keeper_->is_whole(); }
    /// Has kept what could not be kept before, if that is possible now.
    void try_again();

    /// Has the program that is installed now take this one's place, if it can: it is tried in a child, requests in hand
    /// are answered, and the process becomes it. If anything fails, a line says what, and all goes on.
    void upgrade();
    /// Whether it is under way, and requests are answered for the last time.
    [[nodiscard]] bool is_leaving() const noexcept { return is_leaving_; }
    /// No upgrade any more: the process ends. Who waits for the server to finish is another from now on.
    void give_up();

  private:
    void start_keeping();
    void look_again();
    void tried(const std::optional<std::string>& trouble);
    void leave();
    void stay(const std::string& why);

    asio::io_context& io_;
    service_manager* manager_;
    server& server_;
    std::function<kept_state()> all_;
    const program& self_;
    legacy before_; // until the keeper has it
    std::function<void(const std::string& why)> stayed_;
    std::optional<keeper> keeper_;
    std::optional<trial> trial_;
    timer retry_;
    bool is_retrying_ = false;
    bool is_leaving_ = false;
};

} // namespace epmd
