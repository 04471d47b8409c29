/// What the kernel knows of TCP sockets on this machine, asked by sock_diag(7): no privilege is needed.
#pragma once

#include "registry/address.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace epmd {

/// A socket as sock_diag describes it.
struct socket_info {
    address local;
    std::uint16_t local_port = 0;
    address remote;
    std::uint16_t remote_port = 0;
    std::uint32_t uid = 0;
    std::uint64_t inode = 0; ///< as /proc/PID/fd shows it; 0: nobody has it open any more
    bool is_listening = false;

    bool operator==(const socket_info&) const = default;
};

/// What placement wants to know of the kernel. A fake one serves the tests.
class kernel {
  public:
    virtual ~kernel() = default;

    /// The socket at the peer's end of a connection: local and remote as the peer sees them. Empty: gone, or not on
    /// this machine.
    virtual std::optional<socket_info> connected(const address& local, std::uint16_t local_port, const address& remote,
                                                 std::uint16_t remote_port) = 0;

    /// The sockets that listen on one of those ports, whatever their address: one walk through all listeners of the
    /// machine, however many the ports are. Precondition: at most max_ports_at_once.
    virtual std::vector<socket_info> listening(std::span<const std::uint16_t> ports) = 0;

    static constexpr std::size_t max_ports_at_once = 1000;

  protected:
    kernel() = default;
    kernel(const kernel&) = default;
    kernel& operator=(const kernel&) = default;
};

/// The real one. Not for two threads at once. Where netlink is refused it knows nothing, and placement does without.
class netlink_kernel final : public kernel {
  public:
    netlink_kernel();
    ~netlink_kernel() override;
    netlink_kernel(const netlink_kernel&) = delete;
    netlink_kernel& operator=(const netlink_kernel&) = delete;

    std::optional<socket_info> connected(const address& local, std::uint16_t local_port, const address& remote,
                                         std::uint16_t remote_port) override;
    std::vector<socket_info> listening(std::span<const std::uint16_t> ports) override;

    /// All that listen.
    std::vector<socket_info> all_listening();

    /// The connections whose own port is that one, as those have that were accepted there.
    std::vector<socket_info> established(std::uint16_t port);

  private:
    std::vector<socket_info> dump(std::span<const std::uint16_t> ports, std::uint32_t states);

    int netlink_;
};

/// Adds the sockets in one datagram of sock_diag answers. False: it was the last one, an error, or not understood.
/// Total: any bytes will do.
bool read_sock_diag(std::string_view datagram, std::vector<socket_info>& to);

} // namespace epmd
