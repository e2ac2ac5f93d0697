# The server in a container; compose.yaml starts three. The right Node comes with the packages.
FROM node:26-slim
WORKDIR /resonate
COPY package.json package-lock.json ./
RUN npm ci --omit=dev
COPY . .
RUN mkdir /data && chown node /data
USER node
VOLUME /data
ENV RESONATE_AIO__SUBSYSTEMS__STORE__CONFIG__SQLITE__PATH=/data/resonate.db
EXPOSE 8001 50051 9090
CMD ["node_modules/.bin/node", "bin/resonate.js", "serve"]
