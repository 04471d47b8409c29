/// Who was refused because its name is taken. A VM that comes up ends then; one that only registers anew, because its
/// connection was lost, knocks again every 2 s for ever (OTP 23.3 and later).
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace epmd {

class knocks {
  public:
    /// How many are remembered; the oldest go first. Chosen, not tuned.
    static constexpr std::size_t max_remembered = 256;

    /// A registration is refused. `listener_inode`: of the socket on its port; 0: not known. Whether it was refused
    /// before: the same name and port, and, as far as is known, the same listener.
    bool note(std::string_view alive_name, std::uint16_t port, std::uint64_t listener_inode);

    /// It has got its name.
    void forget(std::string_view alive_name, std::uint16_t port);

    /// Whether the same node was refused before: it still listens on the same socket, so it has been up all the time.
    [[nodiscard]] bool contains(std::string_view alive_name, std::uint16_t port, std::uint64_t listener_inode) const;

  private:
    struct knock {
        std::string alive_name;
        std::uint16_t port = 0;
        std::uint64_t listener_inode = 0;

        [[nodiscard]] bool is_of(std::string_view name, std::uint16_t of_port) const {
            return port == of_port && alive_name == name;
        }
    };

    std::deque<knock> all_; // the last that knocked at the end
};

} // namespace epmd
