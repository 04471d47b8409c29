/// The names of users by /etc/passwd: whoever else may know some, as LDAP, is slow to ask.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <unordered_map>

namespace epmd {

class user_names {
  public:
    /// How long after it was read the file is not looked at again for a user that it does not have. Chosen, not tuned.
    static constexpr std::chrono::seconds shortest_interval{60};

    /// Empty: it has none.
    std::string name_of(std::uint32_t uid);

  private:
    void read();

    std::unordered_map<std::uint32_t, std::string> names_;
    std::chrono::steady_clock::time_point read_at_;
};

} // namespace epmd
