FROM node:24-slim AS build
WORKDIR /rollcall
COPY package.json package-lock.json ./
RUN npm ci
COPY . .
RUN npm run build && npm prune --omit=dev

FROM node:24-slim
ENV NODE_ENV=production ROLLCALL_DATA=/data
WORKDIR /rollcall
COPY --from=build /rollcall/package.json /rollcall/README.md ./
COPY --from=build /rollcall/node_modules ./node_modules
COPY --from=build /rollcall/bin ./bin
COPY --from=build /rollcall/dist ./dist
COPY --from=build /rollcall/docs ./docs
COPY --from=build /rollcall/ops ./ops
RUN mkdir -m 700 /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 7420
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.ROLLCALL_PORT || 7420}/livez`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "bin/rollcall.js", "serve"]
