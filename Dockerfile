# glibc, not musl: native packages of plugins are built for it.
FROM node:26-bookworm-slim AS build
WORKDIR /src
COPY . .
RUN npm ci --ignore-scripts --no-audit --no-fund && npm run build

FROM node:26-bookworm-slim AS assemble
WORKDIR /src
COPY . .
RUN npm ci --ignore-scripts --no-audit --no-fund --omit=dev
COPY --from=build /src/dist/packages dist/packages
RUN node .ci/image.ts /app

FROM node:26-bookworm-slim
ENV NODE_ENV=production \
    HEADGATE_CONFIG=/etc/headgate/headgate.yaml \
    HEADGATE_LISTEN=0.0.0.0:8080 \
    HEADGATE_DATA=/data
COPY --from=assemble /app /app
COPY config/headgate.yaml /etc/headgate/headgate.yaml
RUN mkdir /data && chown 1000:1000 /data && ln -s /app/node_modules/headgate/bin/headgate.js /usr/local/bin/headgate
# A number, so that an orchestrator can tell that it is not root.
USER 1000:1000
WORKDIR /app
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --start-interval=1s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + process.env.HEADGATE_LISTEN.split(':').pop() + '/health').then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["headgate"]
CMD ["start"]
