import 'element-plus/theme-chalk/base.css'
import './theme.css'
import './base.css'
import { createPinia } from 'pinia'
import { createApp } from 'vue'
import App from './App.vue'
import { watchUpgrades } from './frame/upgrade'
import { makeRouter } from './router'

watchUpgrades()
createApp(App).use(createPinia()).use(makeRouter()).mount('#app')
