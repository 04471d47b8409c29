/// The connections that wait for their peers: for the rest of a request, or for a reply to be read. Says whose time is
/// up, and who makes room for another. No sockets, no clock.
#pragma once

#include "net/peer.hpp"
#include "registry/registration.hpp"

#include <chrono>
#include <cstddef>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

namespace epmd {

class idle_connections {
  public:
    /// How long one may wait.
    struct patience {
        std::chrono::seconds silence; ///< since the last byte that moved (packet_timeout)
        std::chrono::seconds in_all;  ///< since it began, whatever moves (request_time)
    };

    explicit idle_connections(patience how_long) : patience_(how_long) {}

    /// It begins to wait. Precondition: it does not already.
    void add(connection_number, const peer&, time_point now);
    /// A byte came, or was taken. No effect on one that does not wait.
    void moved(connection_number, time_point now);
    /// It waits no longer. No effect on one that does not wait.
    void remove(connection_number);

    [[nodiscard]] bool empty() const noexcept { return all_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return all_.size(); }
    [[nodiscard]] std::size_t count_of(const peer&) const;
    /// Of that peer's the one that waits longest. Empty: it has none.
    [[nodiscard]] std::optional<connection_number> longest_of(const peer&) const;
    /// Who makes room for another: of the peer that has most the one that waits longest. Empty: nobody waits.
    [[nodiscard]] std::optional<connection_number> first_to_go() const;

    /// One whose time is up, if there is any.
    [[nodiscard]] std::optional<connection_number> late(time_point now);
    /// When `late` may have one. Empty: nobody waits.
    [[nodiscard]] std::optional<time_point> next_look() const;

    /// From now on, also for those that wait already.
    void set_patience(patience);

  private:
    struct entry {
        peer who;
        time_point began;
        time_point moved;
        time_point scheduled;                             // in due_; its time is not up before
        std::list<connection_number>::iterator its_place; // in by_peer_
    };

    [[nodiscard]] time_point deadline_of(const entry&) const;
    void change_rank(const peer&, std::size_t before, std::size_t now);

    patience patience_;
    std::unordered_map<connection_number, entry> all_;
    std::map<peer, std::list<connection_number>> by_peer_; // those that wait longest first
    std::set<std::pair<std::size_t, peer>> ranks_;         // how many each has
    std::set<std::pair<time_point, connection_number>> due_;
};

} // namespace epmd
