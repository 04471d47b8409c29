/// Registrations whose reply is held.
#pragma once

#include "registry/registration.hpp"

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace epmd {

/// A registration whose reply is held: somebody has its name.
struct newcomer {
    connection_number connection = 0;
    node self;
    int descriptor = -1;
    std::optional<std::uint32_t> uid; ///< as `origin` has it
    time_point deadline;
    std::optional<finding> found; ///< empty: evidence is still coming
    bool is_being_asked = false;  ///< before its reply, since it is up already
};

/// They are found by connection and by name, however many wait: thousands may come for one name.
class newcomers {
  public:
    void add(newcomer);

    /// Null: it is not held.
    [[nodiscard]] newcomer* find(connection_number);
    [[nodiscard]] bool contains(connection_number connection) const { return by_connection_.contains(connection); }

    /// Those that want that name, in the order in which they came.
    [[nodiscard]] std::vector<connection_number> of(std::string_view alive_name) const;
    [[nodiscard]] std::size_t count_of(std::string_view alive_name) const;

    /// Gives one away. Precondition: it is held.
    newcomer take(connection_number);

    [[nodiscard]] std::size_t size() const noexcept { return by_connection_.size(); }

    /// Calls `what` with each, by name, in the order in which they came.
    template <typename What>
    void for_each(What what) {
        for (auto& [name, all] : by_name_) {
            for (auto& one : all) {
                what(one);
            }
        }
    }

  private:
    std::unordered_map<std::string, std::list<newcomer>> by_name_;
    std::unordered_map<connection_number, std::list<newcomer>::iterator> by_connection_;
};

} // namespace epmd
