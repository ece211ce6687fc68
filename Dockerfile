# quantdyn in Debian 12, with the compiler that plugins of your own need. Not tried yet.
#   docker build -t quantdyn .
#   docker run --rm -v "$PWD:/work" quantdyn run experiment.yaml
FROM debian:12
COPY . /source
RUN cd /source \
  && experiments/install_packages.sh --figures \
  && meson setup build --buildtype=release -Dtests=disabled --prefix=/usr \
  && ninja -C build \
  && meson install -C build --no-rebuild \
  && rm -rf /source /var/lib/apt/lists/*
WORKDIR /work
ENTRYPOINT ["quantdyn"]
