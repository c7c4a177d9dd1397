import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { VARIABLES } from '../src/config.ts'

interface Service {
  image?: string
  environment?: Record<string, string>
  ports?: string[]
  volumes?: string[]
  depends_on?: Record<string, { condition: string }>
  healthcheck?: { test: string[] }
}

const read = (file: string): string => readFileSync(new URL(`../${file}`, import.meta.url), 'utf8')

const compose = parse(read('compose.yaml')) as {
  services: Record<string, Service>
  configs: Record<string, { content: string }>
  volumes: Record<string, null>
}
const services = Object.entries(compose.services)
const { rollcall, ...servers } = compose.services
const { environment = {}, depends_on: waitsFor = {} } = rollcall!

describe('compose.yaml', () => {
  test('sets variables that Rollcall knows', () => {
    expect(Object.keys(environment).filter(name => !VARIABLES.includes(name))).toEqual([])
  })

  test('sets up a server for each URL, and waits until it is healthy', () => {
    const urls = Object.entries(environment).filter(([name]) => name.endsWith('_URL'))
    expect(urls.map(([name]) => name)).toEqual(['ROLLCALL_NATS_URL', 'ROLLCALL_MONGODB_URL', 'ROLLCALL_REDIS_URL'])
    const hosts = urls.map(([, url]) => new URL(url.replace(/\$\{[^}]*\}/, 'x')).hostname)
    expect(Object.keys(servers)).toEqual(hosts)
    expect(waitsFor).toEqual(Object.fromEntries(hosts.map(host => [host, { condition: 'service_healthy' }])))
    for (const server of Object.values(servers)) expect(server.healthcheck?.test[0]).toBe('CMD')
  })

  test('takes the secret from the environment, and none for granted', () => {
    expect(environment.ROLLCALL_AUTH_SECRET).toMatch(/^\$\{ROLLCALL_AUTH_SECRET:\?/)
    expect(environment.ROLLCALL_NATS_URL).toContain(':${ROLLCALL_NATS_PASSWORD:?')
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is Compose that fills it in
    expect(compose.configs.nats?.content).toContain('password: "${ROLLCALL_NATS_PASSWORD}"')
  })

  test('pins its images to a version', () => {
    const images = Object.values(servers).map(({ image }) => image)
    expect(images.filter(image => !/^[a-z]+:\d+\.\d+\.\d+(-\w+)?$/.test(image ?? ''))).toEqual([])
  })

  test('publishes ports on loopback alone', () => {
    const ports = services.flatMap(([, { ports = [] }]) => ports)
    expect(ports.length).toBe(services.length)
    expect(ports.filter(port => !port.startsWith('127.0.0.1:'))).toEqual([])
  })

  test('declares the volumes it mounts', () => {
    const mounted = services.flatMap(([, { volumes = [] }]) => volumes.map(volume => volume.split(':')[0]))
    expect(mounted).toEqual(Object.keys(compose.volumes))
  })

  test('has NATS sync what it acknowledges', () => {
    expect(compose.configs.nats?.content).toMatch(/^jetstream \{[^}]*^ +sync_interval: always$/m)
  })
})

describe('the Dockerfile', () => {
  test('runs the Node that the package wants, and ends it as Rollcall expects', () => {
    const { engines } = JSON.parse(read('package.json'))
    const dockerfile = read('Dockerfile')
    const versions = [...dockerfile.matchAll(/^FROM node:(\d+)-/gm)].map(([, version]) => `>=${version}`)
    expect(versions).toEqual([engines.node, engines.node])
    expect(dockerfile).toMatch(/^STOPSIGNAL SIGTERM$/m)
  })
})
