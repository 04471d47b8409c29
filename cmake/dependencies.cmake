# What loopmd is built on (scripts/setup installs it all).
# Debian 12 has Boost 1.81 beside its default 1.74; newer releases have a newer one as their default.
find_package(Boost 1.81 REQUIRED CONFIG COMPONENTS program_options)
find_package(Threads REQUIRED)
find_package(spdlog REQUIRED)
