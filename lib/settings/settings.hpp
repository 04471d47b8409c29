/// Flags, environment and configuration file, read into one checked struct.
///
/// A flag goes before the environment, the environment before the file, the file before the default; of flags that say
/// the same thing the last counts, as with stock. A mistake anywhere is a settings_error of one sentence that names
/// source, key, value and what is allowed.
#pragma once

#include "registry/hosts.hpp"
#include "settings/limits.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace epmd {

/// Who is served.
enum class listen_scope {
    all,      ///< whoever reaches the port, as stock does
    loopback, ///< this machine only, by any of its addresses
};

/// Who is shown the state over HTTP on the epmd port.
enum class status_scope {
    loopback, ///< this machine, by any of its addresses
    all,      ///< whoever reaches the port
    off,      ///< nobody: HTTP is closed at once, as stock does
};

/// What the program was called to do.
enum class verb { serve, names, dump, started, kill, stop, check_config, check_snapshot, free_port, version, help };

/// Whether that is to ask the epmd that runs.
constexpr bool is_client_verb(verb what) noexcept {
    return what == verb::names || what == verb::dump || what == verb::started || what == verb::kill ||
           what == verb::stop;
}

enum class log_level {
    error,
    warn,
    info,
    debug, ///< each connection and request; stock's `-d`
    trace, ///< the bytes of each; stock's `-d -d`
};

struct settings {
    verb what = verb::serve;
    std::uint16_t port = 4369; ///< registered with IANA; 0 (not from outside): the system chooses
    listen_scope scope = listen_scope::all;
    status_scope status = status_scope::loopback;
    std::vector<address> addresses;     ///< to listen on beside the loopback ones; empty: on every address
    std::vector<configured_host> hosts; ///< in the order in which they were given
    bool is_daemon = false;             ///< to leave the terminal
    bool has_systemd_sockets = false;   ///< to serve the sockets that systemd passes, and no others
    std::string stop_name;              ///< whom verb::stop is to unregister
    bool relaxed_command_check = false;
    bool may_ask_nodes = true;               ///< for their names, where nothing else says them
    std::chrono::seconds packet_timeout{60}; ///< stock's default
    std::chrono::seconds delay_accept{0};    ///< to sleep before accepting, as a busy server would
    std::chrono::seconds delay_write{0};     ///< to sleep before each reply
    bool replaces = false;                   ///< to take the port from the epmd that has it
    std::chrono::seconds exit_idle{0};       ///< to end when no node was registered for so long; 0: never
    log_level level = log_level::info;
    limits most;             ///< of what peers may take
    std::string config_file; ///< the one that was read; empty: none
    std::string config_text; ///< what stood in it

    bool operator==(const settings&) const = default;
};

class settings_error : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

/// A mistake in the configuration file, or one that cannot be read; flags and environment were good.
class file_error : public settings_error {
  public:
    file_error(const std::string& sentence, settings without_file)
        : settings_error(sentence), without_file_(std::move(without_file)) {}

    /// What flags and environment say.
    [[nodiscard]] const settings& without_file() const noexcept { return without_file_; }

  private:
    settings without_file_;
};

/// An address to listen on that is none. Stock, which looks at it when it listens, has words of its own for that.
class address_error : public settings_error {
  public:
    address_error(const std::string& sentence, std::string given)
        : settings_error(sentence), given_(std::move(given)) {}

    /// What was given as an address.
    [[nodiscard]] const std::string& given() const noexcept { return given_; }

  private:
    std::string given_;
};

/// Any other mistake on the command line, to which stock answers with all its flags.
class usage_error : public settings_error {
  public:
    using settings_error::settings_error;
};

/// The value of an environment variable, if it is set.
using environment = std::function<std::optional<std::string>(const std::string&)>;

/// Reads everything; client verbs come last, as with stock. `arguments` without the program's name; a file that is
/// named without its whole path is looked for in `directory`. Throws settings_error: address_error for what -address or
/// ERL_EPMD_ADDRESS has and is no address (client verbs do not look at it, as with stock), usage_error for other flags.
///
/// `known_text`: is read instead of the file, if there is a file.
settings read_settings(std::span<const std::string> arguments, const environment&,
                       const std::filesystem::path& directory, const std::optional<std::string>& known_text = {});

/// All flags: what `--help` prints, and stock after a mistake.
std::string help_text();

} // namespace epmd
