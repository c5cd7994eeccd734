import { requirePeer } from '../peers/require-peer.ts'

const peer = requirePeer<typeof import('@tensorflow/tfjs-core')>('@tensorflow/tfjs')
requirePeer('@tensorflow/tfjs-backend-webgpu') // which registers itself

export const tf = peer.module
export const tfVersion = peer.version
