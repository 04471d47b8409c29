/// What holds whatever happens, in whatever order: of a registry, and of a service and all who are connected to it.
/// Without doctest, so that fuzzers have it as well.
#pragma once

#include "support/scene.hpp"

#include <cstdint>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace epmd::test {

class broken_promise : public std::logic_error {
  public:
    using std::logic_error::logic_error;
};

/// Throws broken_promise unless each registration has its place, and no two have one; who is parked has it taken by
/// another; and what each host shows, counts and finds is what follows from all registrations, worked out afresh. Looks
/// at every host that has nodes, at the machine, and at these.
void check_registry(const registry&, const hosts&, const std::vector<host>& at = {});

/// Watches over a scene: is told who comes, and checks after each act what became of all.
class promises {
  public:
    void registers(connection_number, std::string_view alive_name, time_point);
    void reads(connection_number, time_point);
    /// Evidence that was on its way has its time again.
    void is_replaced(time_point);

    /// Throws broken_promise unless the registry is right, who is registered is there as long as his connection lives
    /// and no longer, nobody waits longer than he may or for nothing, each creation was given once, and whoever was
    /// refused has a namesake.
    void check(const scene&);

  private:
    struct guest {
        std::string alive_name;
        time_point came;
        bool is_over = false;
    };

    void check_guest(const scene&, connection_number, guest&);
    void check_creation(const registration&);
    void check_deadline(const scene&, bool is_anyone_waiting) const;

    policy limits_; // as they are by default
    time_point last_replaced_{};
    std::map<connection_number, guest> guests_;
    std::map<connection_number, time_point> readers_;
    std::map<std::pair<std::string, std::uint32_t>, connection_number>
        given_; ///< each creation is given once to a name
    std::map<connection_number, std::uint32_t> creations_;
};

} // namespace epmd::test
